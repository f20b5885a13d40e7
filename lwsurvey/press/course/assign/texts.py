"""What stands beside the notebooks of a course: settings of nbgrader, and two README files."""

from __future__ import annotations

MARK = "# Made by lwsurvey assign"

CONFIG = f"""{MARK}; plain nbgrader, yours to change. It is written once and then left alone.
from pathlib import Path

c = get_config()  # noqa: F821

# Names the course in the exchange of a JupyterHub.
c.CourseDirectory.course_id = "lightweight-networks"

# Seconds for one cell; the preset of the assignments is made for a quick run.
c.Execute.timeout = 60

# Students have the README, the requirements and the package; graded copies do not need them.
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback", ".venv"]

# The archive of a learning platform: how its file names give student and notebook.
# c.FileNameCollectorPlugin.named_regexp = r"..."  # see nbgrader's documentation of zip_collect

c.Autograde.exclude_overwriting = {{
    folder.name: [file.name for file in folder.iterdir() if file.suffix != ".ipynb"]
    for folder in Path(__file__).parent.glob("source/*/")
}}
"""

STUDENT = """# {title}

A chapter of *Lightweight Networks, Reproduced* as an assignment. `{slug}.ipynb` is the chapter
with smaller experiments, made for a quick run on a laptop. Its numbers are coarser than those of
the book, and a verdict can differ from what the text says of it: the text speaks of the book's run.
The exercises are at the end.

## Set up, once

You need Python 3.11 or newer and, for this step only, a network: about 3 GB are fetched, most
of them PyTorch. In this folder:

    python3 -m venv .venv
    .venv/bin/python -m pip install -r requirements.txt
    .venv/bin/python -m pip install --no-deps {wheel}

On Windows write `py` for `python3`, and `.venv\\Scripts\\python` for `.venv/bin/python`. The last
file is the book's own package with all data that the chapter reads. From here on everything works
without a network.
The same environment serves the other chapters of the course that come with the same package.

## Work

    .venv/bin/python -m jupyterlab {slug}.ipynb

1. Run all cells once (*Run*, *Run All Cells*). Until you have answered, the tests of the
   exercises fail with `NotImplementedError`: run the cells after them one by one.
2. Write your answers where it says `YOUR CODE HERE` and `YOUR ANSWER HERE`, in place of
   `raise NotImplementedError()`. You may add cells of your own.
3. At the end choose *Kernel*, *Restart Kernel and Run All Cells*. Nothing may fail. Where your
   course has nbgrader's *Validate* button, it checks the same.

## What is graded

| exercise | points |
|---|---:|
{exercises}

Code is graded by tests. You see some of them below your answer; others run after you have handed
in, on other inputs, so an answer that fits only the examples that you see does not get the points.
What you write in words is read by a person. Each answer counts by itself.

Please do **not**

- delete, move, copy or edit the cells with tests: your edits are undone, and a copied or deleted
  cell can cost its points;
- copy a cell with an answer: write further code into cells that you add;
- rename `{slug}.ipynb`, or change the parameters at its beginning for what you hand in;
- read or write files outside this folder, or use the network, in what you hand in.

## Hand in

Save, and hand in `{slug}.ipynb`, this one file, with its name unchanged, in the way that your
course uses.
"""

INSTRUCTOR = """# A course with chapters of "Lightweight Networks, Reproduced"

This folder is a course of nbgrader. `source/` has the chapters with solutions and hidden tests:
keep it to yourself. `release/` has what students get. `lwsurvey assign CHAPTER --out` this folder
adds a chapter.

The commands below are given in this folder, with the environment of the book active
(`. .venv/bin/activate` in its checkout; nbgrader looks for one of its programs on the path).

## Hand out

Give students the folder `release/CHAPTER`, for instance as a zip file; its README says how to set
up and how to work. On a JupyterHub with nbgrader's exchange:

    nbgrader release_assignment CHAPTER

There, install `requirements.txt` and the wheel beside it once, in the environment of the hub's
kernels; students then skip *Set up*.

## Collect

Put each notebook at `submitted/STUDENT/CHAPTER/CHAPTER.ipynb`, where STUDENT is a name without
spaces. nbgrader does this for you with `nbgrader collect CHAPTER` (exchange) and
`nbgrader zip_collect CHAPTER` (a learning platform's archive, in `downloaded/CHAPTER/archive/`;
`nbgrader_config.py` must say how the platform names its files).

## Grade

    lwsurvey grade .

grades all submissions of all chapters, each in a process and a fresh folder of its own, without a
network and with limits of time and memory. `grading/index.html` has the result, `grading/marks.csv`
the marks, `feedback/` a page for each submission that could be graded.

Without the book's package the same is, for each chapter:

    nbgrader autograde CHAPTER
    nbgrader generate_feedback CHAPTER
    nbgrader export

in any environment with nbgrader, what `release/CHAPTER/requirements.txt` lists, and the wheel
beside it. These commands run what students wrote as yourself, with your files and your network:
put a sandbox around them. nbgrader's own feedback shows the hidden tests; that of `lwsurvey grade`
does not.

## Read the written answers

    jupyter lab

and choose *Nbgrader*, *Formgrader*: it shows the written answers one after the other, and there
you give points for them. Until then they count nothing; an answer that was left as handed out has
no marks and is not shown. Then `lwsurvey grade .` again: it renews the table and the feedback, and
grades nothing twice.

## Change

`nbgrader_config.py` has the settings. If you edit a notebook in `source/`, run
`nbgrader generate_assignment CHAPTER --force` afterwards. Once there are submissions, changed
tests change marks: grade all of them again.
"""
