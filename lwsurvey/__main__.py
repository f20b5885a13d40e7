"""``python -m lwsurvey`` is the command ``lwsurvey``."""

from lwsurvey.cli import main

if __name__ == "__main__":
    main(prog_name="lwsurvey")
