"""What a message tells the user to write: their own lines, so that derivatives survive, ready to be pasted.

All of it is read from the syntax tree of their source. Not a line here computes a derivative: who wants to
know how that is done may leave this folder closed.

- `syntax.py`: source as a tree, what is at a place in it, and parts to make other source of;
- `naming.py`: advice in the names of the user's file, and what it has to import;
- `methods.py`, `rewriting.py`: calls and assignments that plain arrays would swallow;
- `asked.py`, `choices.py`, `sides.py`, `ways.py`: conditions, as choices between values.
"""
