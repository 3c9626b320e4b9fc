#!/usr/bin/env python3
"""What a node's process costs: start-up, memory, CPU per message and messages per second through the pipe.

Runs each node alone, as Maelstrom would, and prints a table. One of the last two columns is a message's cost in the
last of 1,000 nodes. Its peers are silent, so it also repeats what they do not acknowledge. The other one is a long
read's cost. Nothing but Python's standard library is needed:

    cargo build --release
    node/benches/process.py
    node/benches/process.py 'mine=./my-node --flush 100'

Without arguments it compares this repository's node with a plain one in Python.
"""

import contextlib
import json
import os
import shlex
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NODES = [
    f"rust={ROOT}/target/release/node",
    f"python={sys.executable} {ROOT}/bench-cli/tests/fixtures/nodes/batching.py",
]
MESSAGES = 50_000
STARTS = 10
# Reads are answered with the whole list, so they are measured apart, with this many values known.
READ_VALUES, READS = 10_000, 200
LARGE_CLUSTER, LARGE_VALUES, LARGE_READS, PATIENCE_S = 1_000, 100_000, 100, 30


def line(kind, msg_id, **fields):
    body = {"type": kind, "msg_id": msg_id, **fields}
    return (json.dumps({"src": "c1", "dest": "n0", "body": body}) + "\n").encode()


def init(nodes):
    # The last one, because this repository's first one is the hub by default.
    return line("init", 1, node_id=f"n{nodes - 1}", node_ids=[f"n{i}" for i in range(nodes)])


class Process:
    """A node that answered `init`."""

    def __init__(self, command, nodes=1):
        began = time.perf_counter()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ask([init(nodes)])
        self.start_ms = (time.perf_counter() - began) * 1000

    def ask(self, lines):
        """Sends all lines at once, and takes one reply for each. Returns the seconds that it took."""
        began = time.perf_counter()
        # A thread of its own writes: a node that answers before it has read everything must not block.
        writer = threading.Thread(target=self.write, args=(b"".join(lines),))
        writer.start()
        for _ in lines:
            # Anything else is for a peer.
            while b'"in_reply_to"' not in (reply := self.process.stdout.readline()):
                if not reply:
                    sys.exit(f"{self.process.args}: the node ended before it had answered")
        writer.join()
        return time.perf_counter() - began

    def write(self, data):
        with contextlib.suppress(BrokenPipeError):  # The reader says so.
            self.process.stdin.write(data)
            self.process.stdin.flush()

    def cpu(self):
        """CPU seconds so far."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
            return sum(map(int, stat.read().rpartition(")")[2].split()[11:13])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        """CPU seconds, and resident memory in MB."""
        # The system's own account of a child's peak includes what its parent held when it forked.
        resident = subprocess.run(["ps", "-o", "rss=", "-p", str(self.process.pid)], capture_output=True, check=True)
        self.process.stdin.close()
        _, _, usage = os.wait4(self.process.pid, 0)
        self.process.stdout.close()
        self.process.returncode = 0
        return usage.ru_utime + usage.ru_stime, int(resident.stdout) / 1024


def broadcasts(count):
    return [line("broadcast", i + 2, message=i) for i in range(count)]


def measure(command):
    starts, idle = [], []
    for _ in range(STARTS):
        process = Process(command)
        starts.append(process.start_ms)
        idle.append(process.end())
    idle_cpu, idle_mb = sorted(idle)[STARTS // 2]

    process = Process(command)
    seconds = process.ask(broadcasts(MESSAGES))
    cpu, mb = process.end()

    process = Process(command)
    process.ask(broadcasts(READ_VALUES))
    read = process.ask([line("read", i + 2) for i in range(READS)])
    process.end()
    return [
        f"{sorted(starts)[STARTS // 2]:.1f}",
        f"{idle_mb:.1f}",
        f"{mb:.1f}",
        f"{(cpu - idle_cpu) / MESSAGES * 1e6:.2f}",
        f"{MESSAGES / seconds:,.0f}",
        f"{read / READS * 1e6:.0f}",
        *measure_large(command),
    ]


def measure_large(command):
    """CPU us of a message in a large cluster, and of a read of many values, which peers have no part in."""
    process = Process(command)
    process.ask(broadcasts(LARGE_VALUES))
    before = process.cpu()
    process.ask([line("read", i + 2) for i in range(LARGE_READS)])
    read = process.cpu() - before
    process.end()

    process = Process(command, LARGE_CLUSTER)
    before = process.cpu()
    # A node that sends every value to every peer needs longer than anybody would wait.
    patience = threading.Timer(PATIENCE_S, process.process.kill)
    patience.start()
    try:
        process.ask(broadcasts(LARGE_VALUES))
        message = f"{(process.cpu() - before) / LARGE_VALUES * 1e6:.2f}"
    except SystemExit:
        message = f"over {PATIENCE_S} s"
    patience.cancel()
    process.process.kill()
    process.process.wait()
    return message, f"{read / LARGE_READS * 1e6:.0f}"


def main():
    rows = [["node", "start ms", "idle MB", f"MB, {MESSAGES} values", "CPU us/message", "messages/s",
             f"us/read of {READ_VALUES}", f"CPU us/message, {LARGE_CLUSTER} nodes", f"CPU us/read of {LARGE_VALUES}"]]
    for node in sys.argv[1:] or NODES:
        name, _, command = node.partition("=")
        rows.append([name, *measure(shlex.split(command))])
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths)))


if __name__ == "__main__":
    main()
