#!/usr/bin/python3
"""mutate.py [OPTIONS] FILE.c...: makes mutants of C files, one at a time, and runs the unit tests that link each file.

Prints each mutant that no test found, and a line of figures per file. Exits with 1 if a file is below --least per cent.
docs/testing.md explains the output. Called by `make mutate`.

The source tree is never changed: mutants are written and compiled under $BUILD/mutation. `make -n` prints the commands,
so this script has no list of programs and their files. A program is linked once, with the file under test in a shared
library; a mutant then needs one compilation, and all programs run with it. A survivor runs once more under
AddressSanitizer, as in `make asan`.
"""
import argparse
import functools
import os
import random
import resource
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
from mutants import mutants_of  # noqa: E402

EQUIVALENT = Path(__file__).resolve().parent / "equivalent.txt"
LIBRARY = "libmutant.so"
MEMORY_BYTES = 2 << 30  # of a program with a mutant; AddressSanitizer needs more address space than that
WALL_S = 120  # a program that sleeps or waits; one that computes is ended by the limit below
CPU_S_LEAST = 2
CPU_TIMES = 5  # as long as with the correct file
STEPS_MORE = 1  # tests further from the file than the nearest one, by more than so many objects, are left out
SANITIZED_S = 1.0  # tests that take longer under the sanitizer are left out there: they are random and find no more

# The ordinary build, and that of `make asan`, so that little has to be compiled. Mutants themselves are not optimised.
KINDS = {
    "plain": {"folder": "", "make": ["SANITIZE="], "env": {}},
    "asan": {"folder": "asan", "make": ["SANITIZE=address"], "env": {"ASAN_OPTIONS": "detect_leaks=1"}},
}
QUICK = ["-w", "-O0", "-g0", "-U_FORTIFY_SOURCE"]


@dataclass
class Program:
    path: Path
    name: str
    steps: int  # from the test to the file under test
    cpu_s: int = CPU_S_LEAST
    took_s: float = 0.0


@dataclass
class Kit:
    """One file and the programs that link it, compiled in one way."""

    kind: str
    compiler: list  # the command, without source and output
    folder: Path
    programs: list = field(default_factory=list)  # those that are likeliest to find something first


def fail(text):
    sys.exit(f"mutate: {text}")


def run(command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, **options)


def checked(command):
    done = run(command)
    if done.returncode != 0:
        fail(f"failed: {shlex.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


# --- what the Makefile knows ---


def make(build, kind, *more):
    return ["make", "--no-print-directory", f"BUILD={build}", *KINDS[kind]["make"], *more]


def commands_for(build, kind, source, programs):
    """The commands that make would run if only this file had changed."""
    lines = checked(make(build, kind, "-n", "-W", source, *programs)).replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in lines if line.startswith(("gcc ", "cc ", "clang "))]


def output_of(command):
    return command[command.index("-o") + 1]


def compiler_of(commands, source):
    for command in commands:
        if "-c" in command and source in command:
            drop = {"-c", "-o", source, output_of(command), "-MMD", "-MP"}
            return [word for word in command if word not in drop], output_of(command)
    fail(f"no unit test links {source}")


@functools.lru_cache(maxsize=None)
def symbols(name):
    """The undefined and the defined symbols of an object."""
    needs, defines = set(), set()
    for line in checked(["nm", "-P", name]).splitlines():
        symbol, letter = line.split()[:2]
        if letter == "U":
            needs.add(symbol)
        elif letter.isupper():
            defines.add(symbol)
    return needs, defines


def distances(start, objects):
    """How many steps each object is away from `start`, from the names that they need and define."""
    needs = {name: symbols(name)[0] for name in objects}
    defines = {symbol: name for name in objects for symbol in symbols(name)[1]}
    steps, queue = {start: 0}, [start]
    for each in queue:
        for other in sorted({defines[symbol] for symbol in needs[each] if symbol in defines}):
            if other not in steps:
                steps[other] = steps[each] + 1
                queue.append(other)
    return steps


def steps_to(target, command):
    """From the test of this link command; None if nothing in it needs the object."""
    objects = [word for word in command if word.endswith(".o")]
    return distances(objects[0], objects).get(target)


def link(kit, command, target, steps):
    """Links one program with the library in the place of the object."""
    name = Path(output_of(command)).name
    path = kit.folder / name
    at = command.index("-o")
    words = [word for word in command[:at] + command[at + 2 :] if word != target]
    library = ["-rdynamic", f"-L{kit.folder}", f"-l:{LIBRARY}"]
    checked([*words, *library, "-o", str(path)])
    return Program(path, name, steps)


def compile_mutant(kit, source, output):
    command = [*kit.compiler, "-fPIC", "-shared", f"-Wl,-soname,{LIBRARY}", source, "-o", output]
    return run(command, start_new_session=True).returncode == 0


@functools.lru_cache(maxsize=None)
def build_tests(folder, kind, programs, jobs):
    checked(make(folder, kind, "-s", f"-j{jobs}", *(str(folder / program) for program in programs)))


def kit_for(build, kind, source, programs, jobs):
    folder = Path(build) / KINDS[kind]["folder"]
    build_tests(folder, kind, programs, jobs)
    commands = commands_for(str(folder), kind, source, [str(folder / program) for program in programs])
    compiler, target = compiler_of(commands, source)
    place = Path(build) / "mutation" / kind / source
    place.mkdir(parents=True, exist_ok=True)
    kit = Kit(kind, [*compiler, *QUICK, f"-iquote{Path(source).parent}"], place)
    if not compile_mutant(kit, source, str(place / LIBRARY)):
        fail(f"{source} does not compile")
    links = [(steps_to(target, command), command) for command in commands if "-c" not in command]
    nearest = min((steps for steps, _ in links if steps is not None), default=None)
    if nearest is None:
        fail(f"no unit test reaches {source}")
    near = [(steps, command) for steps, command in links if steps is not None and steps <= nearest + STEPS_MORE]
    near = [each for each in near if not too_slow(kind, Path(output_of(each[1])).name)]
    with ThreadPoolExecutor(jobs) as pool:
        kit.programs = list(pool.map(lambda each: link(kit, each[1], target, each[0]), near))
    return kit


# --- running ---


def passes(kit, program, library):
    def limits():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (program.cpu_s, program.cpu_s))
        if kit.kind == "plain":
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))

    # Unforked: one process that the limits hold, and all of its leaks are seen.
    environment = {**os.environ, **KINDS[kit.kind]["env"], "LD_LIBRARY_PATH": str(library), "CK_FORK": "no"}
    with subprocess.Popen(
        [program.path], env=environment, preexec_fn=limits, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            return process.wait(WALL_S) == 0
        except subprocess.TimeoutExpired:
            process.kill()
            return False


TOOK_S = {}  # by kind and name of the program


def too_slow(kind, name):
    return kind == "asan" and TOOK_S.get((kind, name), 0.0) > SANITIZED_S


def calibrate(kit):
    """All tests must pass with the correct file; their time is the measure for those with a mutant.

    The quickest of those that use the file most directly come first.
    """
    for program in kit.programs:
        key = kit.kind, program.name
        if key not in TOOK_S:
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            program.cpu_s = WALL_S
            if not passes(kit, program, kit.folder):
                fail(f"{program.path} fails with the correct file")
            TOOK_S[key] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
        program.took_s = TOOK_S[key]
        program.cpu_s = max(CPU_S_LEAST, int(CPU_TIMES * program.took_s))
    kit.programs = [program for program in kit.programs if not too_slow(kit.kind, program.name)]
    kit.programs.sort(key=lambda program: (program.steps, program.took_s))


def survives(kit, mutant, folder, source):
    """None if it does not compile."""
    place = folder / kit.kind
    place.mkdir(parents=True, exist_ok=True)
    copy = write_copy(place, source, mutant.text)
    if not compile_mutant(kit, copy, str(place / LIBRARY)):
        return None
    return all(passes(kit, program, place) for program in list(kit.programs))


def write_copy(place, source, text):
    """Writes a copy whose asserts name the original file."""
    copy = place / Path(source).name
    copy.write_text(f'#line 1 "{source}"\n{text}', encoding="utf-8")
    return str(copy)


def machine_code(kit, folder, source, text):
    place = folder / "code"
    place.mkdir(parents=True, exist_ok=True)
    output = place / "code.o"
    checked([*kit.compiler, "-O2", "-c", write_copy(place, source, text), "-o", str(output)])
    return output.read_bytes()


# --- known equivalents ---


def read_equivalents():
    """Blocks of "FILE FUNCTION", "- line", "+ line" and a reason; see the head of the file."""
    known, block = {}, []
    for line in [*EQUIVALENT.read_text(encoding="utf-8").splitlines(), ""]:
        if line.startswith("#"):
            continue
        if line.strip():
            block.append(line.strip())
        elif block:
            if len(block) < 4 or block[1][0] != "-" or block[2][0] != "+":
                fail(f"{EQUIVALENT.name}: not a block of file, line, mutation and reason: {block}")
            source, _, function = block[0].partition(" ")
            known[source, function, block[1][1:].strip(), block[2][1:].strip()] = " ".join(block[3:])
            block = []
    return known


def key_of(source, mutant):
    return source, mutant.function, mutant.before, mutant.after


# --- one file ---


@dataclass
class Tally:
    killed: int = 0
    survived: list = field(default_factory=list)
    equivalent: list = field(default_factory=list)
    same_code: int = 0
    left_out: int = 0
    uncompiled: int = 0

    def counted(self):
        return self.killed + len(self.survived)

    def listed(self):
        return sum(key[2] != "*" for key in self.equivalent)

    def share(self):
        return 100.0 * self.killed / self.counted() if self.counted() else 100.0

    def line(self, name):
        return (
            f"{name:32} {self.counted():5} mutants {self.killed:5} killed {len(self.survived):4} survived "
            f"{self.share():6.1f} %  ({self.listed()} listed as equivalent, {self.same_code} with the same code"
            f"{f', {self.left_out} left out' if self.left_out else ''})"
        )


def verdict(kits, source, mutant, original, folder, known):
    plain, asan = kits
    lives = survives(plain, mutant, folder, source)
    if lives is None:
        return "uncompiled"
    if not lives:
        return "killed"
    if machine_code(plain, folder, source, mutant.text) == machine_code(plain, folder, source, original):
        return "same"
    if key_of(source, mutant) in known:
        return "survived"
    return "survived" if survives(asan, mutant, folder, source) else "killed"


def show(source, mutant, note):
    print(f"{note}: {source}:{mutant.line} {mutant.function}\n    - {mutant.before}\n    + {mutant.after}", flush=True)


def count(tally, source, mutant, result, known):
    if result == "killed":
        tally.killed += 1
    elif result == "uncompiled":
        tally.uncompiled += 1
    elif result == "same":
        tally.same_code += 1
    elif key_of(source, mutant) in known:
        tally.equivalent.append(key_of(source, mutant))
        show(source, mutant, "equivalent")
        print(f"    {known[key_of(source, mutant)]}")
    else:
        tally.survived.append(mutant)
        show(source, mutant, "survived")


def mutate(source, options, known):
    original = Path(source).read_text(encoding="utf-8")
    kits = [kit_for(options.build, kind, source, options.programs, options.jobs) for kind in ("plain", "asan")]
    for kit in kits:
        calibrate(kit)
    chosen = mutants_of(original)
    if options.sample and options.sample < len(chosen):
        picked = random.Random(options.seed).sample(range(len(chosen)), options.sample)
        chosen = [chosen[index] for index in sorted(picked)]
    folders = Queue()
    for number in range(options.jobs):
        folders.put(Path(options.work) / str(number))
    tally = Tally()
    whole = [mutant for mutant in chosen if (source, mutant.function, "*", "*") in known]
    for name in sorted({mutant.function for mutant in whole}):
        tally.equivalent.append((source, name, "*", "*"))
        print(f"left out: {source} {name}\n    {known[source, name, '*', '*']}")
    tally.left_out = len(whole)
    chosen = [mutant for mutant in chosen if mutant not in whole]

    def judge(mutant):
        folder = folders.get()
        try:
            return mutant, verdict(kits, source, mutant, original, folder, known)
        finally:
            folders.put(folder)

    with ThreadPoolExecutor(options.jobs) as pool:
        for mutant, result in pool.map(judge, chosen):
            count(tally, source, mutant, result, known)
    if not options.sample:
        for key in known:
            if key[0] == source and key not in tally.equivalent:
                print(f"not seen any more: {source} {key[1]}\n    - {key[2]}\n    + {key[3]}")
    print(tally.line(source), flush=True)
    return tally


def options_of():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.environ.get("BUILD", "build"))
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--least", type=float, default=95.0, help="per cent that each file must reach")
    parser.add_argument("--sample", type=int, default=0, help="mutants per file, 0: all")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("files", nargs="+", metavar="FILE.c")
    options = parser.parse_args()
    options.programs = tuple(sorted(str(path)[: -len(".c")] for path in Path("tests/unit").glob("*_test.c")))
    return options


def main():
    options = options_of()
    # What the make that called us exports is not meant for the one that we call.
    for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):
        os.environ.pop(name, None)
    known = read_equivalents()
    place = Path(options.build) / "mutation"
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place, prefix="work-") as options.work:
        tallies = {source: mutate(source, options, known) for source in options.files}
    total = Tally()
    print()
    for source, tally in tallies.items():
        print(tally.line(source))
        total.killed += tally.killed
        total.survived += tally.survived
        total.equivalent += tally.equivalent
        total.same_code += tally.same_code
        total.left_out += tally.left_out
    print(total.line("total"))
    below = [source for source, tally in tallies.items() if tally.share() < options.least]
    if below:
        print(f"below {options.least:g} %: {' '.join(below)}")
    return 1 if below else 0


sys.exit(main())
