"""The program: `main` runs the command that it is called with."""

from chargehand.web.cli.groups import Program

main = Program("A scheduler for durable agent work.")
