"""A harness that arms a guard, switches an output on, and then waits to be killed.

`python guarded_process.py RESOURCE REPORT`; prints `on` when the output is on.
"""

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from drivers.supply import Supply
from lab.safety import Guard


async def switch_on(resource: str) -> None:
    supply = Supply(resource)
    await supply.open()
    await supply.set_voltage(3.0)
    await supply.output(True)
    await supply.close()


resource, report = sys.argv[1:3]
guard = Guard(resource, "keysight_e36300", 1, Path(report))
guard.arm()
asyncio.run(switch_on(resource))
print("on", flush=True)
sys.stdin.read()
