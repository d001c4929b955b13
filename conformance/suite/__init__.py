"""The pytest matrix: `pytest --pyargs conformance.suite --conformance-backend torch`, from any folder.

One item per subject, rule and dtype; its id is the rule's. One observation run per session, items only look up its results.
"""
