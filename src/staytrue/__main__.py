"""``python -m staytrue`` is the command line."""

from staytrue.cli import main

if __name__ == "__main__":
    main()
