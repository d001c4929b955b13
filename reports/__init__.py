"""The writers of reports, one file a format. They show what the judge found and judge nothing themselves.

Each writer offers `write(judgements, bindings, directory) -> Path`; core code finds them through `conformance.registry`.
"""
