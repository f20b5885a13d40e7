"""A reader's run beside the published one: what is the same, and why the rest is not.

`intervals` has the arithmetic, `findings` judges a claim, `chapters` a chapter, `sides` reads
the two sides, and `text`, `as_json` and `page` show what was found.
"""
