"""`python -m crmsync.cli`: the same as the console script."""

from crmsync.cli.main import run

if __name__ == "__main__":
    run()
