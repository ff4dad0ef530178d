"""What an answer can see and do where it runs, asked from inside; and what of its messages is believed."""

import os
import textwrap
import time

import msgpack
import numpy as np
import pytest

from course_lib.checks.calling import Answer
from course_lib.grading import wire
from course_lib.grading.extract import ROOT
from course_lib.grading.sandbox import Sandbox, outcome_of
from tests.grading import needs


@pytest.fixture(scope="module", params=[True, False], ids=["warm", "one process each"])
def sandbox(request):
    with Sandbox(seconds=3.0, warm=request.param) as made:
        yield made


def ask(sandbox: Sandbox, body: str) -> str:
    """What an answer with this body returns, as the words that it raised."""
    source = "def spy(x):\n" + textwrap.indent(textwrap.dedent(body).strip(), "    ")
    calls = wire.pack_calls([wire.Call(0, "float64", (np.ones(2),), {})])
    outcome = sandbox.run("spy", source, calls, {}, ())
    return outcome.answers[0].text.split(" (line")[0] if outcome.answers else outcome.end


@needs.bubblewrap
def test_one_answer_leaves_nothing_for_another(sandbox):
    ask(
        sandbox,
        "open('/tmp/left', 'w').write('x'); open('/dev/shm/left', 'w').write('x'); raise ValueError('done')",
    )
    said = ask(sandbox, "import os; raise ValueError(str(os.listdir('/tmp') + os.listdir('/dev/shm')))")
    assert said == "[]"


@needs.bubblewrap
def test_no_other_process_can_be_seen_or_reached(sandbox):
    body = """
        import os
        seen = [name for name in os.listdir('/proc') if name.isdigit()] if os.path.isdir('/proc') else []
        raise ValueError(f"{[pid for pid in seen if int(pid) > 3]}")
    """
    assert ask(sandbox, body) == "[]"


@needs.bubblewrap
def test_it_is_nobody_in_particular_and_may_do_nothing_in_particular(sandbox):
    body = """
        import ctypes, os
        libc, header, sets = ctypes.CDLL(None), (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
        libc.capget(header, sets)
        mounted = libc.mount(b'none', b'/usr', b'tmpfs', 0, None)
        raise ValueError(f"{os.getuid() == 0} {any(sets)} {mounted} {libc.setuid(0)}")
    """
    assert ask(sandbox, body) == "False False -1 -1"


@needs.bubblewrap
def test_an_answer_of_a_warm_worker_can_make_no_further_namespaces():
    with Sandbox() as sandbox:
        assert ask(sandbox, "import ctypes; raise ValueError(ctypes.CDLL(None).unshare(0x10000000))") == "-1"


@needs.bubblewrap
@pytest.mark.parametrize(
    "place", ["exercises", "solutions", "course_lib/checks/specs", "course_lib/by_hand", "README.md", ".git"]
)
def test_nothing_of_the_course_is_there_but_how_to_call_an_answer(sandbox, place):
    places = (str(ROOT / place), f"/course/{place}")
    body = f"import os; raise ValueError([os.path.exists(p) for p in {places!r}])"
    assert ask(sandbox, body) == "[False, False]"


@needs.bubblewrap
def test_our_environment_and_home_stay_outside(sandbox, monkeypatch):
    monkeypatch.setenv("SECRET_OF_OURS", "1")
    body = (
        "import os; raise ValueError(f\"{'SECRET_OF_OURS' in os.environ} {os.listdir(os.environ['HOME'])}\")"
    )
    assert ask(sandbox, body) == "False []"
    assert (
        ask(sandbox, f"import os; raise ValueError(os.path.exists({os.path.expanduser('~/.ssh')!r}))")
        == "False"
    )


@needs.bubblewrap
def test_it_can_write_nowhere_but_in_its_own_tmp(sandbox):
    body = """
        import os, sys
        done = []
        ours = '/course', '/course/course_lib/grading', sys.prefix, sys.base_prefix
        for place in ('/', '/usr', '/dev', '/etc', *ours):
            try: open(os.path.join(place, 'x'), 'w'); done.append(place)
            except OSError: pass
        raise ValueError(str(done))
    """
    said = ask(sandbox, body)
    assert said in ("[]", "['/']")  # the root of a new world is its own; it ends with it


@needs.bubblewrap
def test_there_is_no_network(sandbox):
    body = """
        import socket
        raise ValueError([name for _, name in socket.if_nameindex() if name != 'lo'])
    """
    assert ask(sandbox, body) == "[]"


@needs.bubblewrap
@pytest.mark.parametrize(
    "body",
    [
        "while True: pass",
        "import time; time.sleep(60)",
        "import signal; signal.setitimer(signal.ITIMER_REAL, 0)\nwhile True: pass",
    ],
)
def test_the_limit_is_kept_to_half_a_second(body, count):
    with Sandbox(seconds=1.0) as sandbox:
        ask(sandbox, "raise ValueError('started')")
        began = time.monotonic()
        ask(sandbox, body)
        beyond = time.monotonic() - began - 1.0
        count("limit", beyond)
        assert beyond < 0.5


@needs.bubblewrap
def test_a_lost_worker_is_replaced():
    with Sandbox() as sandbox:
        assert ask(sandbox, "raise ValueError('one')") == "one"
        sandbox.process.kill()
        sandbox.process.wait()
        assert sandbox.run(
            "spy",
            "def spy(x): return x",
            wire.pack_calls([wire.Call(0, "float64", (np.ones(2),), {})]),
            {},
            (),
        ).answers


# ------------------------------------------------------------------ messages


def framed(message: object) -> bytes:
    content = wire.pack(message)
    return len(content).to_bytes(8, "little") + content


GOOD = wire.plain_answer(Answer("value", np.ones(2)))


def test_an_answer_comes_back_as_it_went():
    answer = Answer(
        "value", (np.arange(3), np.array([["a", "bc"]])), gradients={"W": "reached"}, changed=(1,)
    )
    [there] = outcome_of(
        framed({"answers": [wire.plain_answer(answer)], "printed": "x"}), "exit", 0.0
    ).answers
    assert [part.tolist() for part in there.value] == [[0, 1, 2], [["a", "bc"]]]
    assert (there.gradients, there.changed) == (answer.gradients, answer.changed)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "right"},
        {"kind": 3},
        {"value": 3.0},
        {"value": [1]},
        {"value": None},
        {"value": ()},
        {"changed": [0]},
        {"changed": (10**9,)},
        {"changed": ("x",)},
        {"lineage": "ValueError"},
        {"lineage": (1,)},
        {"gradients": []},
        {"gradients": {"W": 1}},
        {"text": 3},
        {"error": None},
        {"lineage": ("x" * 10**6,)},
    ],
)
def test_an_answer_with_a_field_of_another_kind_is_as_if_it_had_not_come(change):
    assert outcome_of(framed({"answers": [GOOD]}), "exit", 0.0).answers
    assert outcome_of(framed({"answers": [{**GOOD, **change}]}), "exit", 0.0).answers is None


@pytest.mark.parametrize(
    "content",
    [
        b"x",
        b"\xff" * 100,
        b"\x00" * 8,
        framed([1, 2]),
        framed("text"),
        framed({"answers": 3})[:-1],
        (2**63).to_bytes(8, "little") + b"\x90",
        (200_001).to_bytes(8, "little") + b"\x91" * 200_000 + b"\x90",
    ],
)
def test_what_is_no_message_is_no_answer(content):
    assert outcome_of(content, "exit", 0.0).answers is None


@pytest.mark.parametrize(
    ("code", "parts"),
    [
        (1, ["|O", [1], b"12345678"]),
        (1, ["<f8", [2**40], b""]),
        (1, ["<f8", [-1], b"1"]),
        (1, [3, 4, 5]),
        (2, [[1], [3]]),
        (4, ["os", "system", []]),
        (5, ["os", "system"]),
        (99, []),
    ],
)
def test_arrays_of_objects_and_factories_do_not_come_in(code, parts):
    with pytest.raises(wire.WireError):
        wire.unpack(msgpack.packb(msgpack.ExtType(code, msgpack.packb(parts))))


def test_the_first_answers_count_and_all_flags():
    other = wire.plain_answer(Answer("value", np.zeros(2)))
    sent = (
        framed({"flag": "a"})
        + framed({"answers": [GOOD]})
        + framed({"answers": [other]})
        + framed({"flag": "b"})
    )
    outcome = outcome_of(sent, "exit", 0.0)
    assert outcome.answers[0].value.tolist() == [1, 1] and outcome.flags == ("a", "b")
