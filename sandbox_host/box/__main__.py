"""`python -m box` inside a box."""

from .agent import main

main()
