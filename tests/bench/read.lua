-- For wrk: GET of the auctions of BENCH_STAGE (see seed.c), one thread. HOT=1: always the same one.
dofile(os.getenv("BENCH_STAGE"))
local hot = os.getenv("HOT") == "1"

function init()
  math.randomseed(os.time())
end

function request()
  return wrk.format("GET", "/api/v1/auctions/" .. (hot and ids[1] or ids[math.random(#ids)]))
end
