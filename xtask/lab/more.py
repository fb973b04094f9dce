#!/usr/bin/env python3
"""More faults of the kinds that the fault lab knows: two nodes at once, all of them, loss, silence, stale connections.

    more.py LAB [the lab's own arguments]

LAB is lab.py of the fault lab beside the repository; its nodes, link, load and report are used as they are, and only
the scenarios are others. Standard library only; needs what the lab needs.
"""
import importlib.util, sys


def load(path):
    spec = importlib.util.spec_from_file_location("lab", path)
    lab = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(lab)
    return lab


def far(seconds):
    async def fault(on, link, ips, **_):
        link.rtt[ips[0]] = seconds if on else 0.020
    return fault


def scenarios(lab):
    mode, wire, every, two = lab.mode, lab.wire, lab.ALL, (0, 1)
    return {  # name: (fault, whole run?)
        "fin_mid": (mode("fin_mid"), False), "stall_mid": (mode("stall_mid"), False),
        "rst30_A": (mode("rst30"), False), "rst30_all": (mode("rst30", every), False),
        "stale_A": (mode("stale"), False), "stale_all": (mode("stale", every), False),
        "blackhole_A": (wire("dead", 1), False), "blackhole_AB": (wire("dead", 1, two), False),
        "blackhole_all": (wire("dead", 1, every), False), "rtt2s_A": (far(2.0), False),
        "loss5_A": (wire("loss", .05), False), "loss5_all": (wire("loss", .05, every), True),
        "syn_loss40_all": (wire("flow_drop", .4, every), True), "syn_once_all": (wire("syn_once", 1, every), True),
        "refused_AB": (mode("rst_conn", two), False), "burst529_AB": (mode("529", two), False),
        "burst529_all": (mode("529", every), False), "burst500_all": (mode("500", every), False),
        "r429_all": (mode("429", every), False), "stall_AB": (mode("stall_first", two), False),
        "cut_AB": (mode("cut_mid", two), False), "flap_all": (mode("flap", every), False),
        "slow_all": (mode("slow", every), False)}


def main():
    lab = load(sys.argv.pop(1))
    lab.SCENARIOS = scenarios(lab)
    # The lab builds its command line where it is run as a program, so that part of it is run here, in its own names.
    source = open(lab.__file__).read()
    body = source[source.index('if __name__ == "__main__":'):].replace('__name__ == "__main__"', "True", 1)
    exec(compile(body, lab.__file__, "exec"), vars(lab))


if __name__ == "__main__":
    main()
