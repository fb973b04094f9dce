#!/usr/bin/env python3
"""HTTP/1.1 beside HTTP/2 towards a node over a lossy path: which one a stream is better off on.

    cargo xtask lab-http [ARGS]          or, with a ferry that is built:
    python3 http_versions.py --ferry PATH_OF_FERRY

Two network namespaces are joined by the link of the fault lab beside the repository (../shared/lab/lab.py), which
delays every packet and loses some, both ways alike. Behind it stand four `ferry mock`, before it four `ferry serve`,
each pair with a path of its own: a near and a far node, each under a busy and a light load. All four run at once. A
run is one loss and one HTTP version; runs alternate, and both versions get the same requests at the same times.

Streams write an event every 20 to 40 ms, as a model does. Every delta tells when the node wrote it, so that `late` is
what the path cost an event beyond half a round trip. Needs root, Linux, /dev/net/tun, Python 3.11 and no package.
Everything vanishes when it ends.
"""
import argparse, asyncio, atexit, importlib.util, json, os, random, re, shutil, signal, socket, subprocess, sys, time

sys.dont_write_bytecode = True                                       # nothing is left beside the lab
HERE = os.path.dirname(os.path.abspath(__file__))
LAB = os.path.join(HERE, "..", "..", "..", "shared", "lab", "lab.py")
PORT, WARM, SPAN, DEADLINE, WHOLE = 9443, 2.0, 6.0, 20.0, 290.0      # seconds: not counted, counted, a request, all
PATHS = [("busy-near", "10.77.1.11", 0.060, 20), ("busy-far", "10.77.1.12", 0.250, 20),       # name, ip, RTT,
         ("light-near", "10.77.1.13", 0.060, 3), ("light-far", "10.77.1.14", 0.250, 3)]       # requests a second
STAMP = re.compile(rb"~t(\d{20});")


def skip(why):
    print(f"lab-http: SKIPPED, {why}")
    sys.exit(0)


def load_lab(path):
    """The fault lab as a module: its namespaces and its link."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        skip("it makes network namespaces and needs root on Linux")
    if not os.path.exists(path):
        skip("../shared/lab is not there")
    if not os.path.exists("/dev/net/tun") or not shutil.which("ip"):
        skip("it needs /dev/net/tun and iproute2")
    spec = importlib.util.spec_from_file_location("lab", path)
    lab = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(lab)
    lab.NODES = [(name, ip, rtt) for name, ip, rtt, _ in PATHS]
    return lab


def plan(o, path, number):
    """What the requests of one run are: the same for both versions."""
    name, _, _, rate = path
    dice = random.Random(f"{o.seed} {name} {number}")
    requests = []
    for i in range(int((WARM + o.span) * rate)):
        at = (i + dice.random() * 0.5) / rate
        events, gap = dice.randint(40, 60), dice.randint(20, 40)
        requests.append((at, dice.random() < 0.8, events, gap))
    return requests


def body(stream, events, gap, prompt_kb):
    knobs = f"[mock chunks={events} delay_ms={gap} ttfb_ms=200 stamp flush]" if stream else "[mock tokens=40 ttfb_ms=200]"
    text = ("words of " * (prompt_kb * 114) if stream else "") + knobs
    return json.dumps({"model": "claude-opus-4-5", "max_tokens": 4096, "stream": stream,
                       "messages": [{"role": "user", "content": text}]}).encode()


class Failed(Exception):
    pass


async def exchange(port, asked, stream, events, seen):
    """One request to Ferry as a client makes it; fills `seen`."""
    begun = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\nx-api-key: sk-ant-lab-0000\r\nanthropic-version: "
                     b"2023-06-01\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s"
                     % (len(asked), asked))
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1").lower()
        code = head.split(" ", 2)[1]
        if code != "200":
            raise Failed(f"http{code}")
        length = re.search(r"\r\ncontent-length: (\d+)", head)
        if length:
            await reader.readexactly(int(length[1]))
            seen["total"] = time.monotonic() - begun
            return
        rest, whole = b"", False
        while True:
            size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
            rest += (await reader.readexactly(size + 2))[:-2]
            now = time.monotonic()
            if size == 0:
                break
            *done, rest = rest.split(b"\n\n")
            for event in done:
                seen.setdefault("first", now - begun)
                whole = whole or event.startswith(b"event: message_stop")
                if event.startswith(b"event: error"):
                    raise Failed("error event")
                if stamp := STAMP.search(event):
                    seen["events"].append((now, int(stamp[1]) / 1e9))
        if stream and (not whole or len(seen["events"]) != events):
            raise Failed("not whole")
        seen["total"] = time.monotonic() - begun
    except (OSError, asyncio.IncompleteReadError):
        raise Failed("cut")
    finally:
        writer.transport.abort()


async def request(port, start, planned, prompt_kb, results):
    at, stream, events, gap = planned
    await asyncio.sleep(max(0.0, start + at - time.monotonic()))
    seen = {"stream": stream, "counts": at >= WARM, "events": [], "failed": None}
    try:
        asked = body(stream, events, gap, prompt_kb)
        await asyncio.wait_for(exchange(port, asked, stream, events, seen), DEADLINE)
    except Failed as why:
        seen["failed"] = str(why)
    except asyncio.TimeoutError:
        seen["failed"] = "deadline"
    results.append(seen)


async def tick(late):
    """How late this program itself is woken: what the machine adds to every figure."""
    while True:
        due = time.monotonic() + 0.01
        await asyncio.sleep(0.01)
        late.append(time.monotonic() - due)


class Bench:
    def __init__(self, lab, o):
        o.gateway = None
        self.lab, self.o, self.running = lab.Lab(o), o, []
        self.late = []

    def start(self, name, *args):
        log = open(os.path.join(self.lab.tmp.name, f"{name}.log"), "ab")
        env = {"PATH": os.environ.get("PATH", ""), "HOME": self.lab.tmp.name}
        process = subprocess.Popen([self.o.ferry, *args], stdout=log, stderr=log, env=env)
        self.running.append(process)
        return process

    def stop(self, processes):
        for process in processes:
            process.kill()                            # nothing of a run is kept: no drain
            process.wait()
            self.running.remove(process)

    def both_sides(self, act):
        for side in (self.lab.ns_nodes, self.lab.ns_client):
            self.lab.enter(side)
            act()

    def build(self):
        self.lab.namespaces()
        # By route, so that no setting of the machine changes.
        control = f"dev lab0 congctl {self.o.congestion}"
        for side, route in ((self.lab.ns_nodes, "10.77.0.0/24"), (self.lab.ns_client, "10.77.0.0/16")):
            self.lab.enter(side)
            self.lab_sh("ip link set lab0 mtu 1500")
            if self.lab_sh(f"ip route replace {route} {control}") != 0:
                sys.exit(f"lab-http: this kernel has no congestion control `{self.o.congestion}`")
        self.lab.enter(self.lab.ns_nodes)             # what is started now stands on the nodes' side
        for name, ip, _, _ in PATHS:
            tls = [] if self.o.cleartext else ["--tls", "--tls-name", f"node-{name}.lab", "--ca-out", self.ca(name)]
            self.start(f"mock-{name}", "mock", "--listen", f"{ip}:{PORT}", "--seed", str(self.o.seed), "--keep", "0",
                       "--tokens-per-second", "200", "--jitter", "0", *tls)
        until = time.monotonic() + 10
        for name, ip, _, _ in PATHS:
            while not self.listens(ip):
                if time.monotonic() > until:
                    sys.exit("lab-http: a mock did not come up:\n" + self.words())
                time.sleep(0.02)
        self.lab.enter(self.lab.ns_client)

    def listens(self, ip):
        with socket.socket() as probe:
            return probe.connect_ex((ip, PORT)) == 0

    def lab_sh(self, command):
        quiet = subprocess.DEVNULL
        return subprocess.run(command.split(), check=False, stdout=quiet, stderr=quiet).returncode

    def ca(self, name):
        return os.path.join(self.lab.tmp.name, f"{name}.pem")

    def gateway(self, at, version):
        name, ip, _, _ = PATHS[at]
        port, admin, folder = 7400 + at, 7500 + at, os.path.join(self.lab.tmp.name, f"state-{name}")
        if self.o.cleartext:
            where = f'url = "http://{ip}:{PORT}"\n'
        else:
            where = f'url = "https://node-{name}.lab:{PORT}"\nextra_ca_file = "{self.ca(name)}"\n'
        config = os.path.join(self.lab.tmp.name, f"{name}.toml")
        with open(config, "w") as f:
            f.write(f'[server]\nlisten = "127.0.0.1:{port}"\nadmin_listen = "127.0.0.1:{admin}"\n\n[state]\n'
                    f'dir = "{folder}"\n\n[log]\nlevel = "warn"\n\n[[nodes]]\nname = "{name}"\nhttp = "{version}"\n{where}')
        return self.start(f"ferry-{name}", "serve", "--config", config), port, admin

    async def ready(self, port, process):
        for _ in range(200):
            if process.poll() is not None:
                break
            try:
                (await asyncio.open_connection("127.0.0.1", port))[1].close()
                return
            except OSError:
                await asyncio.sleep(0.02)
        sys.exit("lab-http: a ferry did not come up:\n" + self.words())

    def words(self):
        logs = [os.path.join(self.lab.tmp.name, f) for f in os.listdir(self.lab.tmp.name) if f.endswith(".log")]
        return "".join(open(log, errors="replace").read()[-500:] for log in sorted(logs))

    async def opened(self, admin):
        reader, writer = await asyncio.open_connection("127.0.0.1", admin)
        writer.write(b"GET /nodes HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        text = (await reader.read()).decode()
        writer.close()
        return int(re.search(r'"connections_opened":\s*(\d+)', text)[1])

    async def run(self, version, loss, number):
        """All four paths for a while under one loss and version."""
        link = self.lab.link
        link.heap.clear()
        link.loss = {ip: loss / 100 for _, ip, _, _ in PATHS}
        link.rng = random.Random(f"{self.o.seed} {loss} {number}")
        self.both_sides(lambda: self.lab_sh("ip tcp_metrics flush"))    # what the kernel learnt from the run before
        gateways = [self.gateway(at, version) for at in range(len(PATHS))]
        for process, port, _ in gateways:
            await self.ready(port, process)
        await asyncio.sleep(0.5)                      # the first measurement of the node
        start, results = time.monotonic(), [[] for _ in PATHS]
        await asyncio.gather(*(request(port, start, planned, self.o.prompt_kb, results[at])
                               for at, (_, port, _) in enumerate(gateways) for planned in plan(self.o, PATHS[at], number)))
        opened = [await self.opened(admin) for _, _, admin in gateways]
        self.stop([process for process, _, _ in gateways])
        return results, opened


def share(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(p * len(values)))] * 1000 if values else float("nan")


def row(path, loss, version, results, opened):
    name, _, rtt, _ = path
    counted = [r for r in results if r["counts"]]
    good = [r for r in counted if not r["failed"]]
    streams = [r for r in good if r["stream"]]
    deltas = [r["events"] for r in counted if r["stream"]]            # a failed stream hurt until it failed
    gaps = [b[0] - a[0] for events in deltas for a, b in zip(events, events[1:])]
    late = [at - written - rtt / 2 for events in deltas for at, written in events]
    short = [r["total"] for r in good if not r["stream"]]
    fails = sorted({r["failed"] for r in counted if r["failed"]})
    return {"load": name.split("-")[0], "rtt_ms": round(rtt * 1000), "loss": loss, "http": version, "n": len(counted),
            "ok": 100 * len(good) / max(1, len(counted)),
            "first50": share([r["first"] for r in streams], .5), "first99": share([r["first"] for r in streams], .99),
            "gap99": share(gaps, .99), "gapmax": share(gaps, 1), "late50": share(late, .5), "late99": share(late, .99),
            "total50": share([r["total"] for r in streams], .5), "total99": share([r["total"] for r in streams], .99),
            "short50": share(short, .5), "short99": share(short, .99), "opened": opened, "fails": fails}


def show(rows):
    print("\n| load | RTT | loss | HTTP | n | ok % | first event p50 / p99 | gap p99 / worst | event late p50 / p99 | "
          "stream total p50 / p99 | short call p50 / p99 | opened |\n|" + "---|" * 12)
    for r in rows:
        pair = lambda a, b: f"{r[a]:.0f} / {r[b]:.0f}"
        version = "1.1" if r["http"] == "1" else "2"
        print(f"| {r['load']} | {r['rtt_ms']} | {r['loss']:g} % | {version} | {r['n']} | {r['ok']:.1f} | "
              f"{pair('first50', 'first99')} | {pair('gap99', 'gapmax')} | {pair('late50', 'late99')} | "
              f"{pair('total50', 'total99')} | {pair('short50', 'short99')} | {r['opened']:g} |"
              + (f" {', '.join(r['fails'])}" if r["fails"] else ""))


async def main(lab, o):
    begun, bench = time.monotonic(), Bench(lab, o)
    atexit.register(lambda: [process.kill() for process in bench.running])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    bench.build()
    ticking = asyncio.create_task(tick(bench.late))
    losses, rounds, found, counts = [float(x) for x in o.loss.split(",")], 0, {}, {}
    for number in range(o.rounds):
        round_begun = time.monotonic()
        for loss in losses:
            for version in ("1", "2") if number % 2 == 0 else ("2", "1"):
                before = len(bench.late)
                results, opened = await bench.run(version, loss, number)
                for at in range(len(PATHS)):
                    found.setdefault((at, loss, version), []).extend(results[at])
                    counts.setdefault((at, loss, version), []).append(opened[at])
                print(f"round {number + 1} loss {loss:g} % http {version}: {sum(map(len, results))} requests, "
                      f"woken {share(bench.late[before:], .99):.1f} ms late at p99, {time.monotonic() - begun:.0f} s",
                      file=sys.stderr, flush=True)
        rounds += 1
        if time.monotonic() - begun + 1.1 * (time.monotonic() - round_begun) > WHOLE:
            break
    ticking.cancel()
    rows = [row(PATHS[at], loss, version, found[at, loss, version], round(sum(opened) / len(opened), 1))
            for at in range(len(PATHS)) for loss in losses for version in ("1", "2")
            for opened in [counts[at, loss, version]]]
    way = "cleartext" if o.cleartext else "TLS"
    print(f"{way}, {o.congestion}, prompts of {o.prompt_kb} KB, seed {o.seed}, {rounds} rounds "
          f"of {o.span:g} s after {WARM:g} s that do not count; all times in ms; `opened` is connections in one run")
    show(rows)
    late = [share(bench.late, p) for p in (.5, .99, 1)]
    print(f"\nNoise: this program was woken late by {late[0]:.1f} ms at p50, {late[1]:.1f} ms at p99, "
          f"{late[2]:.0f} ms at worst; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors.")
    if o.json:
        with open(o.json, "w") as f:
            json.dump(rows, f, indent=1)
    bench.stop(list(bench.running))

if __name__ == "__main__":
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--ferry", required=True, help="an optimised ferry")
    a.add_argument("--lab", default=LAB, help="lab.py of the fault lab")
    a.add_argument("--loss", default="0,1,5", help="percent of packets lost each way")
    a.add_argument("--rounds", type=int, default=3, help="at most; none is begun that would end after 290 s")
    a.add_argument("--span", type=float, default=SPAN, help="seconds of load that count, per run")
    a.add_argument("--congestion", default="cubic", help="congestion control of both sides: cubic (Linux's default), bbr")
    a.add_argument("--prompt-kb", type=int, default=16, help="size of a stream's request; 16 is 12 packets")
    a.add_argument("--cleartext", action="store_true", help="HTTP/2 by prior knowledge instead of TLS and ALPN")
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--json", help="file for the rows")
    options = a.parse_args()
    asyncio.run(main(load_lab(options.lab), options))
