"""Equipment: serial lines, the radio, the console, the sniffer, supplies over VISA.

Everything here runs in the running asyncio loop, takes the time from it, and knows nothing of what
stands at the other end of a line.
"""
