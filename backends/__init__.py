"""The adapters, one file a framework. They observe and never judge; core code finds them through `conformance.registry`."""
