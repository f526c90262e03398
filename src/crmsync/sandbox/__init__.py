"""Local stand-ins for the CRMs, for trying a program safely, for the demo and for the tests.

They owe nothing to the rest of crmsync and import none of it: a stand-in that shared code with its client would
agree with the client's mistakes.
"""
