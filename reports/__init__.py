"""From verdicts and evidence to what people read: records, captures, Allure, traceability.

This package listens: it is called by the top-level conftest.py and knows nothing of suites, drivers
or benches. Everything it shows of a device is escaped where it is shown.
"""
