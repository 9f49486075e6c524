"""What is known of clauses, findings, PICS items and unsure facts, and how it is asked for."""
