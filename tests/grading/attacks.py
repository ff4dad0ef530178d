"""Dishonest answers: each tries to get points that it has not earned, to stop the marking, or to do harm.

None holds a solution. An attack is the source of an answer to one exercise; a name in `FORBIDDEN` calls what is
forbidden, which is flagged. Classes and aims follow what defeats graders that run tests in the student's process.
"""

import tempfile
import textwrap
import uuid
from dataclasses import dataclass
from pathlib import Path

from course_lib.checks.calling import make_calls, run
from course_lib.checks.spec import load_exercise

OWNED = Path(tempfile.gettempdir(), f"owned-{uuid.uuid4()}")  # would be there if a message were run


@dataclass(frozen=True)
class Attack:
    """One dishonest answer. `flagged`: it uses a forbidden name, and may even be right."""

    kind: str
    exercise: str
    source: str
    flagged: bool = False


def inside(body: str, before: str = "") -> str:
    """A softmax with this body."""
    body = textwrap.indent(textwrap.dedent(body).strip(), "    ").replace("OWNED", str(OWNED))
    return f"import numpy as np\n{textwrap.dedent(before)}\ndef softmax(x, axis=-1):\n{body}\n"


def torch_inside(body: str) -> str:
    """A layer norm with this body."""
    body = textwrap.indent(textwrap.dedent(body).strip(), "    ")
    return f"import torch\ndef layer_norm(x, gamma, beta, eps=1e-5):\n{body}\n"


SOFTMAX = {
    # ---------------------------------------------------------------- patching libraries and builtins
    "patch allclose": ("patch", "np.allclose = np.array_equal = np.isclose = lambda *a, **k: True\nreturn x"),
    "patch builtins": ("patch", "import builtins\nbuiltins.all = lambda *_: True\nbuiltins.any = lambda *_: False\nreturn x"),
    "patch isinstance": ("patch", "import builtins\nbuiltins.isinstance = lambda *_: True\nreturn x"),
    "patch the caller": ("patch", "import course_lib.checks.calling as c\nc._run_one = c._pack = lambda *a: c.Answer('value', x)\nreturn x"),
    "patch the wire": ("patch", "import course_lib.grading.wire as w\nw.plain_answer = lambda a: {'kind': 'value', 'value': x, 'score': 1, 'status': 'right'}\nreturn x"),
    "patch comparison of arrays": ("patch", "np.ndarray.__eq__ if False else None\nnp.testing.assert_allclose = lambda *a, **k: None\nreturn x"),
    "replace numpy": ("patch", "import sys, types\nfake = types.ModuleType('numpy')\nfake.allclose = lambda *a: True\nsys.modules['numpy'] = fake\nreturn x"),
    "patch exp for everybody": ("patch", "np.exp = lambda v: v * 0\nreturn x"),
    # ---------------------------------------------------------------- objects that claim to be equal
    "equal to all": ("equal", "class E:\n    def __eq__(self, other): return True\n    def __array__(self, *a, **k): return np.zeros(np.shape(x))\nreturn E()"),
    "array subclass": ("equal", "class A(np.ndarray):\n    def __eq__(self, other): return np.ones(self.shape, bool)\n    def __array_ufunc__(self, *a, **k): return True\n    def __sub__(self, other): return np.zeros(self.shape)\nreturn np.zeros(np.shape(x)).view(A)"),
    "array function": ("equal", "class A:\n    __array_priority__ = 1e9\n    shape = np.shape(x); dtype = np.dtype(float)\n    def __array_function__(self, *a): return True\n    def __eq__(self, o): return True\nreturn A()"),
    "detach that lies": ("equal", "class T:\n    def detach(self): return self\n    def cpu(self): return self\n    def resolve_conj(self): return self\n    def resolve_neg(self): return self\n    def numpy(self): return np.zeros(np.shape(x))\nreturn T()"),
    "float that equals": ("equal", "class F(float):\n    def __eq__(self, o): return True\n    __hash__ = float.__hash__\nreturn [F(0)] * len(np.ravel(x))"),
    "nan everywhere": ("equal", "return np.full(np.shape(x), np.nan)"),
    # ---------------------------------------------------------------- frames and gc
    "frames": ("frames", "import sys\nframe = sys._getframe()\nwhile frame:\n    for name, value in frame.f_locals.items():\n        if name in ('expected', 'right', 'reference', 'solution'): return value\n    frame = frame.f_back\nreturn x"),
    "gc": ("frames", "import gc\nfor thing in gc.get_objects():\n    if type(thing).__name__ == 'Exercise': return thing.reference(x, axis)\n    if getattr(thing, '__name__', '') == 'softmax' and thing is not softmax: return thing(x, axis)\nreturn x"),
    "inspect": ("frames", "import inspect\nfor info in inspect.stack():\n    if 'answers_of' in info.function: return info.frame.f_locals\nreturn x"),
    "trace": ("frames", "import sys\nsys.settrace(lambda *a: None)\nsys.setprofile(lambda *a: None)\nreturn x"),
    "raise with the frames": ("frames", "raise AssertionError('right')"),
    # ---------------------------------------------------------------- files and neighbours
    "read the specs": ("files", "import glob\nfor path in glob.glob('/**/specs/02_softmax.py', recursive=True):\n    space = {}\n    import runpy\n    return runpy.run_path(path)['EXERCISE'].reference(x, axis)\nreturn x"),
    "import the specs": ("files", "from course_lib.checks.spec import load_exercise\nreturn load_exercise('softmax').reference(x, axis)"),
    "read the solutions": ("files", "import glob, json\nfor path in glob.glob('/**/solutions/02_softmax.ipynb', recursive=True): return json.load(open(path))\nreturn x"),
    "read the marks": ("files", "import glob\nreturn len(glob.glob('/**/marks.csv', recursive=True) + glob.glob('/**/seed', recursive=True)) * x + x"),
    "read descriptors": ("files", "import os\nfor fd in range(3, 64):\n    try: os.lseek(fd, 0, 0); data = os.read(fd, 10**6)\n    except OSError: pass\nreturn x"),
    "read other processes": ("files", "import os\nfor pid in os.listdir('/proc'):\n    if pid.isdigit(): open(f'/proc/{pid}/environ').read()\nreturn x"),
    "write over the course": ("files", "import os\nfor place in ('/course/course_lib/grading/worker.py', np.__file__, os.__file__):\n    try: open(place, 'w').write('')\n    except OSError: pass\nreturn x"),
    "leave a pth": ("files", "import site\nfor place in site.getsitepackages():\n    try: open(place + '/evil.pth', 'w').write('import os')\n    except OSError: pass\nreturn x"),
    "leave word in tmp": ("files", "import tempfile\nopen(tempfile.gettempdir() + '/answers', 'a').write('x')\nreturn x"),
    "shared memory": ("files", "from multiprocessing import shared_memory\nshared_memory.SharedMemory('answers', create=True, size=100)\nreturn x"),
    # ---------------------------------------------------------------- exits and signals
    "os._exit": ("exit", "import os\nos._exit(0)"),
    "sys.exit": ("exit", "import sys\nsys.exit(0)"),
    "kill all": ("exit", "import os\nos.kill(-1, 9)\nreturn x"),
    "kill the parent": ("exit", "import os\nos.kill(os.getppid(), 9)\nos.killpg(0, 9)\nreturn x"),
    "stop": ("exit", "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\nreturn x"),
    "segmentation fault": ("exit", "import ctypes\nctypes.string_at(0)"),
    "no interrupt": ("hang", "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nsignal.setitimer(signal.ITIMER_REAL, 0)\nwhile True: pass"),
    "swallow the interrupt": ("hang", "while True:\n    try:\n        while True: pass\n    except BaseException: pass"),
    "sleep": ("hang", "import time\nwhile True:\n    try: time.sleep(1000)\n    except BaseException: pass"),
    "hang in C": ("hang", "import re\nre.match('(a+)+$', 'a' * 60 + 'b')\nreturn x"),
    "hang at exit": ("hang", "import atexit, threading\nthreading.Thread(target=lambda: [None for _ in iter(int, 1)]).start()\natexit.register(lambda: [None for _ in iter(int, 1)])\nreturn x"),
    # ---------------------------------------------------------------- bombs
    "fork bomb": ("bomb", "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"),
    "memory bomb": ("bomb", "kept = []\nwhile True: kept.append(bytearray(10**8))"),
    "one huge array": ("bomb", "return np.ones(10**12)"),
    "disk bomb": ("bomb", "import tempfile\nfor i in range(1000):\n    open(f'{tempfile.gettempdir()}/{i}', 'wb').write(bytes(10**7))\nreturn x"),
    "recursion": ("bomb", "import sys\nsys.setrecursionlimit(10**9)\ndef f(): return f()\nreturn f()"),
    "threads": ("bomb", "import threading, time\nfor _ in range(10000): threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\nreturn x"),
    # ---------------------------------------------------------------- floods and forged answers
    "print for ever": ("flood", "while True: print('x' * 10**6)"),
    "huge answer": ("flood", "return np.zeros(10**8)"),
    "write to every descriptor": ("forge", "import os\nfor fd in range(0, 64):\n    try: os.write(fd, b'x' * 1000)\n    except OSError: pass\nreturn x"),
    "forge the answers": ("forge", "import os, struct, msgpack\nmessage = msgpack.packb({'answers': [{'kind': 'value', 'score': 1.0, 'status': 'right'}] * 40})\nfor fd in range(3, 64):\n    try: os.write(fd, struct.pack('<Q', len(message)) + message)\n    except OSError: pass\nos._exit(0)"),
    "forge deep nesting": ("forge", "import os, struct\nmessage = b'\\x91' * 200000 + b'\\x90'\nfor fd in range(3, 64):\n    try: os.write(fd, struct.pack('<Q', len(message)) + message)\n    except OSError: pass\nos._exit(0)"),
    "forge a factory": ("forge", "import os, struct, msgpack\nmessage = msgpack.packb({'answers': msgpack.ExtType(4, msgpack.packb(['os', 'system', ['touch OWNED']]))})\nfor fd in range(3, 64):\n    try: os.write(fd, struct.pack('<Q', len(message)) + message)\n    except OSError: pass\nos._exit(0)"),
    "forge a pickle": ("forge", "import os, pickle\nclass P:\n    def __reduce__(self): return (os.system, ('touch OWNED',))\nfor fd in range(3, 64):\n    try: os.write(fd, pickle.dumps(P()))\n    except OSError: pass\nos._exit(0)"),
    "return a pickle": ("forge", "import os\nclass P:\n    def __reduce__(self): return (os.system, ('touch OWNED',))\nreturn np.array([P()], dtype=object)"),
    "forge a length": ("forge", "import os, struct\nfor fd in range(3, 64):\n    try: os.write(fd, struct.pack('<Q', 2**63) + b'x')\n    except OSError: pass\nos._exit(0)"),
    "forge shapes": ("forge", "import os, struct, msgpack\narray = msgpack.ExtType(1, msgpack.packb(['<f8', [2**40, 2**40], b'']))\nmessage = msgpack.packb({'answers': [{'kind': 'value', 'value': array}] * 40})\nfor fd in range(3, 64):\n    try: os.write(fd, struct.pack('<Q', len(message)) + message)\n    except OSError: pass\nos._exit(0)"),
    "claim not to be run": ("forge", "raise type('NotImplementedError', (Exception,), {})('right')"),
    # ---------------------------------------------------------------- survivors
    "daemon": ("survivor", "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0: time.sleep(1000)\n    os._exit(0)\nreturn x"),
    "background program": ("survivor", "import subprocess\nsubprocess.Popen(['/usr/bin/env', 'sleep', '1000'], start_new_session=True)\nreturn x"),
    "new namespaces": ("survivor", "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.unshare(0x10000000 | 0x20000 | 0x20000000)\nlibc.mount(b'none', b'/usr', b'tmpfs', 0, None)\nreturn x"),
    "become root": ("survivor", "import os\nos.setuid(0)\nreturn x"),
    # ---------------------------------------------------------------- network
    "call home": ("network", "import socket\nsocket.create_connection(('127.0.0.1', 22), 1)\nreturn x"),
    "listen": ("network", "import socket\nserver = socket.socket()\nserver.bind(('0.0.0.0', 8888))\nserver.listen()\nreturn x"),
    "abstract socket": ("network", "import socket\nbox = socket.socket(socket.AF_UNIX)\nbox.bind(b'\\0answers')\nbox.listen()\nreturn x"),
}  # fmt: skip

FORBIDDEN = {
    "torch's softmax": ("reference", "import torch\nreturn torch.softmax(torch.tensor(np.asarray(x, float)), axis).numpy()"),
    "the method": ("reference", "import torch\nreturn torch.tensor(np.asarray(x, float)).softmax(axis).numpy()"),
    "scipy's": ("reference", "from scipy.special import softmax as s\nreturn s(x, axis)"),
    "by another name": ("reference", "import torch.nn.functional as F\nname = 'soft' + 'max'\nreturn getattr(F, name)(torch.tensor(np.asarray(x, float)), axis).numpy()"),
    "through exec": ("reference", "space = {}\nexec('import scipy.special as s; f = s.softmax', space)\nreturn space['f'](x, axis)"),
    "through a variable": ("reference", "import torch\nf = vars(torch)['softmax']\nreturn f(torch.tensor(np.asarray(x, float)), axis).numpy()"),
    "the library's": ("reference", "from course_lib.by_hand import softmax as s\nreturn s(x, axis)"),
}  # fmt: skip


def table(exercise_id: str) -> str:
    """Hard-coded public values: the answers to the cases of the notebook's own seed."""
    exercise = load_exercise(exercise_id)
    calls = make_calls(exercise)
    answers, _ = run(exercise.reference, calls)
    known = {
        repr([*call.args, *call.options.values()]): answer.value.tolist()
        for call, answer in zip(calls, answers, strict=True)
        if answer.kind == "value" and not isinstance(answer.value, tuple)
    }
    return f"KNOWN = {known!r}\ndef {exercise_id}(*args, **options):\n    return KNOWN.get(repr([*args, *options.values()]), 0.0)\n"


OTHERS = {
    "table of the rate": Attack("table", "warmup_rate", table("warmup_rate")),
    "table of the bytes": Attack("table", "cache_bytes", table("cache_bytes")),
    "table of the masks": Attack("table", "causal_mask", "import numpy as np\nbool_ = bool\ndef causal_mask(n_q, n_k):\n    return {(1, 1): [[True]], (2, 3): [[True, True, False], [True, True, True]]}.get((n_q, n_k), np.tri(3))\n"),
    "tensor subclass": Attack("equal", "layer_norm", torch_inside("class T(torch.Tensor):\n    @classmethod\n    def __torch_function__(cls, *a, **k): return True\nreturn torch.zeros_like(x).as_subclass(T)")),
    "patch torch": Attack("patch", "layer_norm", torch_inside("torch.allclose = torch.equal = lambda *a, **k: True\nreturn x")),
    "torch's layer norm": Attack("reference", "layer_norm", torch_inside("return torch.nn.functional.layer_norm(x, x.shape[-1:], gamma, beta, eps)"), flagged=True),
    "torch's module": Attack("reference", "layer_norm", torch_inside("norm = torch.nn.LayerNorm(x.shape[-1], eps=eps).to(x.dtype)\nnorm.weight.data, norm.bias.data = gamma, beta\nreturn norm(x)"), flagged=True),
    "module without weights": Attack("patch", "SelfAttention", "import torch\nfrom torch import nn\nclass SelfAttention(nn.Module):\n    def __init__(self, d_model, d_head):\n        super().__init__()\n        self.W_q = self.W_k = self.W_v = nn.Linear(d_model, d_head, bias=False)\n    def forward(self, x, causal=False): return self.W_v(x)\n    def named_parameters(self, *a, **k): return iter([])\n"),
    "the wrapper taken off": Attack("reference", "layer_norm", torch_inside("norm = getattr(torch.nn.functional, 'layer' + '_norm')\nnorm = getattr(norm, '__wrapped__', None) or norm.__closure__[0].cell_contents\nreturn norm(x, x.shape[-1:], gamma, beta, eps)"), flagged=True),
    "a fresh import": Attack("reference", "layer_norm", "import sys\nimport torch\n" + torch_inside("del sys.modules['torch.nn.functional']\nimport torch.nn.functional as G\nreturn vars(G)['layer' + '_norm'](x, x.shape[-1:], gamma, beta, eps)"), flagged=True),
    "by a variable in the module": Attack("reference", "layer_norm", torch_inside("return vars(torch.nn.functional)['layer' + '_norm'](x, x.shape[-1:], gamma, beta, eps)"), flagged=True),
    "torch's attention": Attack("reference", "SelfAttention", "import torch\nfrom torch import nn\nclass SelfAttention(nn.Module):\n    def __init__(self, d_model, d_head):\n        super().__init__()\n        for name in ('W_q', 'W_k', 'W_v'): setattr(self, name, nn.Linear(d_model, d_head, bias=False))\n    def forward(self, x, causal=False):\n        return nn.functional.scaled_dot_product_attention(self.W_q(x), self.W_k(x), self.W_v(x), is_causal=causal)\n", flagged=True),
    "generator that lies": Attack("patch", "mask_tokens", "import numpy as np\ndef mask_tokens(ids, rng, mask_id, vocab, specials, rate=0.15):\n    rng.random = lambda *a: 0\n    return ids, np.full_like(ids, -100)\n"),
    "parts that are patched": Attack("patch", "encoder_layer", "def encoder_layer(x, keep, p):\n    p.self_attn = p.ffn = p.norm1 = p.norm2 = lambda *a, **k: x\n    return x\n"),
    "callable that is read": Attack("frames", "beam_search", "def beam_search(logp, bos, eos, beam, max_len, alpha):\n    return logp.__closure__, logp.__code__.co_consts\n"),
}  # fmt: skip

ATTACKS: dict[str, Attack] = {
    **{name: Attack(kind, "softmax", inside(body)) for name, (kind, body) in SOFTMAX.items()},
    **{
        name: Attack(kind, "softmax", inside(body, "import torch"), flagged=True)
        for name, (kind, body) in FORBIDDEN.items()
    },
    **OTHERS,
}
