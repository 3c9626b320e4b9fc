#!/usr/bin/env python3
"""What a node's process costs: start-up, memory, CPU per message and messages per second through the pipe.

Runs each node alone, as Maelstrom would, and prints two tables: for a cluster of one node, and for one of
1,000 nodes that comes to know 100,000 values. Nothing but Python's standard library is needed:

    cargo build --release
    node/benches/process.py
    node/benches/process.py 'mine=./my-node --flush 100'

Without arguments it compares this repository's node with a plain one in Python.
"""

import json
import os
import shlex
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PYTHON = f"{sys.executable} {ROOT}/bench-cli/tests/fixtures/nodes/batching.py"
NODES = [f"rust={ROOT}/target/release/node", f"python={PYTHON}"]
# Nothing answers what these send to their peers, so they batch for longer than they are measured.
NODES_OF_MANY = [
    f"rust, leaf={ROOT}/target/release/node --batch-timeout 10m",
    f"rust, direct={ROOT}/target/release/node --strategy direct --batch-timeout 10m",
    f"python=env BATCH_TIMEOUT_MS=600000 {PYTHON}",
]
MESSAGES = 50_000
STARTS = 10
# Reads are answered with the whole list, so they are measured apart, with this many values known.
READ_VALUES, READS = 10_000, 200
# The large cluster: each peer sends this many batches of one value.
PEERS, BATCHES_OF_PEER, LONG_READS = [f"n{i}" for i in range(1_000) if i != 1], 100, 100


def line(kind, msg_id, src="c1", **fields):
    body = {"type": kind, "msg_id": msg_id, **fields}
    return (json.dumps({"src": src, "dest": "n1", "body": body}) + "\n").encode()


class Process:
    """The node n1, which answered `init`."""

    def __init__(self, command, peers=()):
        began = time.perf_counter()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ask([line("init", 1, node_id="n1", node_ids=sorted(["n1", *peers]))])
        self.start_ms = (time.perf_counter() - began) * 1000

    def ask(self, lines, replies=None):
        """Sends all lines at once, and takes one reply for each, or this many. Returns the seconds that it took."""
        began = time.perf_counter()
        # A thread of its own writes: a node that answers before it has read everything must not block.
        writer = threading.Thread(target=self.write, args=(b"".join(lines),))
        writer.start()
        left = len(lines) if replies is None else replies
        while left > 0:
            answer = self.process.stdout.readline()
            if not answer:
                sys.exit(f"{self.process.args}: the node ended before it had answered")
            # Other lines are for peers.
            left -= b'"c1"' in answer
        writer.join()
        return time.perf_counter() - began

    def write(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

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


def reads(count):
    return [line("read", i + 2) for i in range(count)]


def batches():
    """Batches that both nodes understand: this repository's node reads `seq`, the other `msg_id`."""
    return [
        line("batch", seq + 1, src=peer, seq=seq, values=[seq * len(PEERS) + number])
        for seq in range(BATCHES_OF_PEER)
        for number, peer in enumerate(PEERS)
    ]


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
    read = process.ask(reads(READS))
    process.end()
    return [
        f"{sorted(starts)[STARTS // 2]:.1f}",
        f"{idle_mb:.1f}",
        f"{mb:.1f}",
        f"{(cpu - idle_cpu) / MESSAGES * 1e6:.2f}",
        f"{MESSAGES / seconds:,.0f}",
        f"{read / READS * 1e6:.0f}",
    ]


def measure_one_of_many(command):
    def spent(*work):
        """CPU seconds, and resident memory in MB, of a node that gets these lines and as many replies."""
        process = Process(command, PEERS)
        for lines, replies in work:
            process.ask(lines, replies)
        return process.end()

    idle, idle_mb = spent()
    values = len(PEERS) * BATCHES_OF_PEER
    from_clients, clients_mb = spent((broadcasts(values), values))
    # The answer to a read shows that the node has handled everything before it.
    from_peers = (batches() + reads(1), 1)
    peers, peers_mb = spent(from_peers)
    with_reads, _ = spent(from_peers, (reads(LONG_READS), LONG_READS))
    return [
        f"{idle_mb:.1f}",
        f"{(from_clients - idle) / values * 1e6:.2f}",
        f"{clients_mb:.0f}",
        f"{(peers - idle) / values * 1e6:.2f}",
        f"{peers_mb:.0f}",
        f"{(with_reads - peers) / LONG_READS * 1e6:.0f}",
    ]


def print_table(titles, nodes, measure):
    rows = [titles]
    for node in nodes:
        name, _, command = node.partition("=")
        rows.append([name, *measure(shlex.split(command))])
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths)))


def main():
    given = sys.argv[1:]
    print_table(
        ["node", "start ms", "idle MB", f"MB, {MESSAGES} values", "CPU us/message", "messages/s",
         f"us/read of {READ_VALUES}"],
        given or NODES,
        measure,
    )
    print(f"\none of {len(PEERS) + 1} nodes, with {len(PEERS) * BATCHES_OF_PEER} values from clients or from peers:")
    print_table(
        ["node", "idle MB", "CPU us/broadcast", "MB", "CPU us/peer's batch", "MB", "CPU us/read"],
        given or NODES_OF_MANY,
        measure_one_of_many,
    )


if __name__ == "__main__":
    main()
