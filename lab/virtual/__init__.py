"""The virtual bench: air, simulated radio, simulated device and simulated supply.

It stands at the far end of real pseudo-terminals and sockets, so that everything on the lab's side
is what a lab runs.
"""
