"""The page of marks as a Jinja template."""

TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
{{ style|safe }}
:root { --all: #2f6f9f; --some: #7fb2d6; --none: #b5542a; --unread: #8a8f98; }
@media (prefers-color-scheme: dark) { :root { --all: #6aaedc; --some: #34648a; --none: #d98258;
  --unread: #7b828b; } }
.bar { display: flex; height: 1.1rem; min-width: 12rem; background: var(--soft); }
.bar span { display: block; }
.all { background: var(--all); } .some { background: var(--some); }
.none { background: var(--none); } .unread { background: var(--unread); }
.key span { display: inline-block; width: .8rem; height: .8rem; margin: 0 .3rem 0 .8rem; }
.histogram { display: grid; grid-template-columns: max-content 1fr max-content; gap: .15rem .6rem;
  max-width: 34rem; align-items: center; }
.histogram .all { height: 1rem; }
.look { font-weight: 600; } ul { margin: 0; padding-left: 1.1rem; }
</style>
</head>
<body>
<h1>{{ title }}</h1>
{% for view in views %}
{% set chapter = view.chapter %}
<h2 id="{{ chapter.slug }}">{{ chapter.slug }}</h2>
<p>{{ view.counts["graded"] }} graded, {{ view.counts["graded in part"] }} graded in part,
{{ view.counts["not graded"] }} not graded.
{% if view.mean is not none %}Marks of those graded, unread answers counted as none: mean
 {{ view.mean|g }}
{%- if view.spread is not none %} ± {{ view.spread|g }} (standard deviation){% endif %}
 of {{ "%g"|format(chapter.of) }}.{% endif %}
 Grading took {{ view.seconds|duration }}, added over submissions that ran side by side; the largest
 kernel used {{ view.peak }} MiB.</p>
<h3>Marks</h3>
<div class="histogram" role="img" aria-label="Submissions by marks:
{%- for name, count, _ in view.histogram %} {{ name }}: {{ count }};{% endfor %}">
{% for name, count, share in view.histogram %}
<span>{{ name }}</span><span class="all" style="width:{{ (100 * share)|round(1) }}%"></span>
<span>{{ count }}</span>
{% endfor %}
</div>
<h3>Exercises</h3>
<p class="key">Submissions with<span class="all"></span>all,<span class="some"></span>some,
<span class="none"></span>no marks, and<span class="unread"></span>still to be read.</p>
<div class="wide" tabindex="0" role="region" aria-label="Exercises of {{ chapter.slug }}"><table>
<thead><tr><th>Exercise</th><th class="n">of</th><th>Submissions</th><th class="n">all</th>
<th class="n">some</th><th class="n">none</th><th class="n">to read</th><th class="n">mean</th></tr>
</thead><tbody>
{% for bar in view.bars %}
<tr><td>{{ bar.exercise.name }}{% if bar.exercise.by_hand %} (by hand){% endif %}</td>
<td class="n">{{ "%g"|format(bar.exercise.of) }}</td>
<td><div class="bar" aria-hidden="true">
{% for kind, count in bar.counts.items() %}{% if count %}
<span class="{{ kind }}" style="flex:{{ count }}"></span>
{% endif %}{% endfor %}
</div></td>
{% for count in bar.counts.values() %}<td class="n">{{ count }}</td>{% endfor %}
<td class="n">{{ "-" if bar.mean is none else bar.mean|g }}</td></tr>
{% endfor %}
</tbody></table></div>
<h3>Submissions</h3>
<p>In part: a cell was stopped, or no test could be trusted; the last column says which. Look: read
the submission yourself; this costs no marks.</p>
<div class="wide" tabindex="0" role="region" aria-label="Submissions of {{ chapter.slug }}"><table>
<thead><tr><th>Student</th><th>Status</th><th class="n">marks</th><th class="n">to read</th>
<th class="n">time</th><th class="n">MiB</th><th>What happened</th></tr></thead><tbody>
{% for row in view.rows %}
<tr><td>{{ row.student }}</td>
<td{% if row.look %} class="look"{% endif %}>{{ row.status }}{% if row.look %}, look{% endif %}</td>
<td class="n">{{ "%g"|format(chapter.total(row.student)) }}</td>
<td class="n">{{ "%g"|format(chapter.unread(row.student)) }}</td>
<td class="n">{{ row.seconds|duration }}</td>
<td class="n">{{ "-" if row.peak is none else row.peak }}</td>
<td>{% if row.told %}<ul>{% for one in row.told %}<li>{{ one }}</li>{% endfor %}</ul>
{% endif %}</td></tr>
{% endfor %}
</tbody></table></div>
{% endfor %}
</body>
</html>
"""
