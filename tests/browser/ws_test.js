#!/usr/bin/env node
// A client that is not ours, ws (Debian's package node-ws), watches an auction and bids over the socket.
// Started by tests/run, which names the deployment in the environment.
'use strict';
const { randomUUID } = require('crypto');
const assert = require('assert/strict');
// By its path, so that a node that is not Debian's finds it as well.
const WebSocket = require('/usr/share/nodejs/ws');

const URL = process.env.ROSTRUM_HTTP_URL;
const API = `${URL}/api/v1`;
const SUBPROTOCOL = 'rostrum.v1';
const WAIT_MS = 20000; // for anything that the deployment does by itself

async function send(status, method, path, body, token, headers = {}) {
  if (token) headers.Authorization = `Bearer ${token}`;
  const answer = await fetch(API + path, {
    method,
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  assert.equal(answer.status, status, `${method} ${path}: ${text}`);
  return JSON.parse(text);
}

async function person(displayName) {
  const account = { email: `${randomUUID()}@example.org`, password: 'correct horse battery' };
  await send(201, 'POST', '/auth/register', { ...account, displayName });
  return (await send(200, 'POST', '/auth/login', account)).accessToken;
}

async function fixture() {
  const endTime = new Date(Date.now() + 3600000).toISOString();
  const auction = await send(201, 'POST', '/auctions', { title: 'A lamp', startingPrice: 10, endTime }, await person('Seller'));
  return { auction: auction.id, token: await person('Bidder') };
}

// A socket whose messages wait until they are asked for.
class Listener {
  constructor(protocols, headers) {
    this.heard = [];
    this.socket = new WebSocket(`${URL.replace('http', 'ws')}/ws`, protocols, { headers });
    this.socket.on('message', (data, binary) => {
      assert.equal(binary, false);
      this.heard.push(JSON.parse(data));
      this.socket.emit('heard');
    });
  }

  within(event) {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`never came: ${event}, but ${JSON.stringify(this.heard)}`)), WAIT_MS);
      this.socket.once('error', reject);
      this.socket.once(event, (...values) => {
        clearTimeout(late);
        this.socket.off('error', reject);
        resolve(values);
      });
    });
  }

  say(type, members) {
    this.socket.send(JSON.stringify({ type, ...members }));
  }

  // The next message of one of these types; others are passed over.
  async hear(...types) {
    for (;;) {
      while (this.heard.length > 0) {
        const message = this.heard.shift();
        assert.ok(message.serverTime, JSON.stringify(message));
        if (types.includes(message.type)) return message;
      }
      await this.within('heard');
    }
  }

  async end() {
    this.socket.close(1000, 'done');
    const [code] = await this.within('close');
    assert.equal(code, 1000);
  }
}

async function open(protocols = [], headers = {}) {
  const listener = new Listener(protocols, headers);
  await listener.within('open');
  return listener;
}

async function watch(listener, auction) {
  listener.say('subscribe', { auctionId: auction, id: 1 });
  const snapshot = await listener.hear('snapshot', 'error');
  assert.equal(snapshot.type, 'snapshot');
  assert.deepEqual([snapshot.id, snapshot.auctionId], [1, auction]);
  return snapshot;
}

const tests = {
  async 'a guest sees a bid arrive'() {
    const { auction, token } = await fixture();
    const guest = await open();
    const before = await watch(guest, auction);
    await send(200, 'POST', `/auctions/${auction}/bids`, { amount: 12.5 }, token, { Prefer: 'wait=10' });
    const news = await guest.hear('bid_placed');
    assert.deepEqual([news.seq, news.currentBid, news.bidCount], [before.seq + 1, 12.5, 1]);
    await guest.end();
  },

  async 'a bidder bids over the socket'() {
    const { auction, token } = await fixture();
    const bidder = await open([SUBPROTOCOL], { Authorization: `Bearer ${token}` });
    assert.equal(bidder.socket.protocol, SUBPROTOCOL);
    await watch(bidder, auction);
    bidder.say('bid', { auctionId: auction, amount: 15, idempotencyKey: randomUUID(), id: 'mine' });
    const pending = await bidder.hear('bid_pending', 'error');
    assert.deepEqual([pending.type, pending.id], ['bid_pending', 'mine']);
    const result = await bidder.hear('bid_result');
    assert.deepEqual([result.bidId, result.status], [pending.bidId, 'accepted']);
    await bidder.end();
  },

  async 'a bid that is too low is refused with the minimum'() {
    const { auction, token } = await fixture();
    const bidder = await open();
    bidder.say('auth', { token });
    await bidder.hear('authenticated');
    bidder.say('bid', { auctionId: auction, amount: 9, id: 2 });
    const refused = await bidder.hear('error', 'bid_pending');
    assert.deepEqual([refused.id, refused.error, refused.minimumBid], [2, 'BID_TOO_LOW', 10]);
    await bidder.end();
  },
};

(async () => {
  let failed = 0;
  const chosen = Object.entries(tests).filter(([name]) => (process.env.ROSTRUM_TEST || name) === name);
  for (const [name, test] of chosen) {
    try {
      await test();
    } catch (error) {
      failed += 1;
      console.log(`FAILED ${name}:`, error);
    }
  }
  console.log(`ws_test: ${chosen.length - failed} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
})();
