"""The command line, for torchrun."""

from crosslabel.cli import app

if __name__ == "__main__":
    app()
