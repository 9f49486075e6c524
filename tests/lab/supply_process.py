"""A simulated supply in a process of its own: `python supply_process.py [--stuck]`.

Prints its resource; then, for each line on its standard input, whether output 1 is on. It ends
when its standard input does.
"""

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lab.virtual.supply import SimulatedSupply


async def main() -> None:
    supply = SimulatedSupply(measure_time_s=0.0, reply_time_s=0.0)
    supply.refuse_off = "--stuck" in sys.argv
    await supply.start()
    print(supply.resource, flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print("on" if supply.dut.on else "off", flush=True)
    await supply.stop()


asyncio.run(main())
