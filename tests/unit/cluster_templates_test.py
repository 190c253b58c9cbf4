#!/usr/bin/python3
"""Tests the templates of conf/cluster as deploy/lib/cluster.sh renders them for a machine. Every name in them has a value.
The files in YAML have the settings without which commits would be lost. Prints "cluster_templates_test: N passed, N
failed" at the end.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

import yaml

TREE = pathlib.Path(__file__).resolve().parents[2]
TEMPLATES = sorted(path.name for path in (TREE / "conf/cluster").iterdir())
RENDER = """set -eu
for each in state supervisor servers programs machines cluster; do . "$1/deploy/lib/$each.sh"; done
CLUSTER=$2 VAR=$2 MACHINE=postgres-1 HTTP_PORT=8080
mkdir -p "$2/conf" && ln -sfn "$3" "$2/conf/cluster"
render "$4" "$2/rendered"
cat "$2/rendered"
"""


def render(template, folder, templates=TREE / "conf/cluster"):
    return subprocess.run(["sh", "-c", RENDER, "sh", TREE, folder, templates, template], capture_output=True, text=True,
                          check=False)


def every_template_is_rendered(folder):
    for template in TEMPLATES:
        done = render(template, folder)
        assert done.returncode == 0 and done.stdout, f"{template}: {done.stderr}"


def an_unknown_name_is_refused(folder):
    os.mkdir(f"{folder}/templates")
    with open(f"{folder}/templates/wrong", "w", encoding="utf-8") as file:
        file.write("address @ADDRESS@\nfolder @FOLDERS@\n")
    done = render("wrong", folder, f"{folder}/templates")
    assert done.returncode == 1 and "conf/cluster/wrong has an unknown name" in done.stderr, done


def etcd_and_patroni_lose_no_commit(folder):
    etcd = yaml.safe_load(render("etcd.yml", folder).stdout)
    patroni = yaml.safe_load(render("patroni.yml", folder).stdout)
    assert etcd["enable-v2"] is True and len(etcd["initial-cluster"].split(",")) == 3, etcd
    assert "etcd3" not in patroni and len(patroni["etcd"]["hosts"].split(",")) == 3, patroni
    dcs = patroni["bootstrap"]["dcs"]
    assert dcs["synchronous_mode"] is True and dcs["master_start_timeout"] == 0, dcs
    assert patroni["watchdog"]["mode"] == "off", patroni["watchdog"]
    durable = {name: patroni["postgresql"]["parameters"][name] for name in ("fsync", "full_page_writes", "synchronous_commit")}
    assert set(durable.values()) == {"on"}, durable


def main():
    tests = [every_template_is_rendered, an_unknown_name_is_refused, etcd_and_patroni_lose_no_commit]
    tests = [test for test in tests if os.environ.get("ROSTRUM_TEST", test.__name__) == test.__name__]
    failed = 0
    for test in tests:
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(folder)
            except AssertionError as error:
                failed += 1
                print(f"FAILED {test.__name__}: {error}")
    print(f"cluster_templates_test: {len(tests) - failed} passed, {failed} failed")
    sys.exit(1 if failed or not tests else 0)


if __name__ == "__main__":
    main()
