"""The page of a comparison as a Jinja template."""

TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Your run, compared</title>
<style>
{{ style|safe }}
:root { --good: #1f6f43; --time: #2f6f9f; --bad: #a8401a; --quiet: #5a6570; --band: #cfe0ee; }
@media (prefers-color-scheme: dark) { :root { --good: #6fc795; --time: #7dbce6; --bad: #ee9a72;
  --quiet: #a3adb6; --band: #2c4a61; } }
.badge { font-weight: 600; color: var(--quiet); } td .badge { display: block; }
.identical, .equal-up-to-rounding, .within-the-band { color: var(--good); }
.as-times-may, .other-parameters { color: var(--time); }
.outside-the-band, .different { color: var(--bad); }
.verdict { display: block; color: var(--quiet); } .flipped { color: var(--bad); font-weight: 600; }
.claims th[scope=row] { font-weight: 400; } .claims th:first-child { width: 34%; }
.claims th:last-child { width: 26%; } details > .claims { margin-top: .8rem; }
details { margin: .8rem 0; }
.claims { table-layout: fixed; overflow-wrap: anywhere; }
.strip { display: block; width: 100%; max-width: 16rem; height: 1.6rem; }
.strip .base { stroke: var(--line); } .strip .band { fill: var(--band); }
.strip .published { stroke: var(--ink); stroke-width: 2; }
.strip .mine { stroke: var(--bad); stroke-width: 2; } .strip circle { fill: var(--bad); }
.strip.in .mine { stroke: var(--good); } .strip.in circle { fill: var(--good); }
dt { font-weight: 600; } dd { margin: 0 0 .5rem 0; } summary { cursor: pointer; }
.lead { font-size: 1.15rem; }
.runs th[scope=row] { font-weight: 400; color: var(--quiet); width: 9rem; }
.runs td { overflow-wrap: anywhere; }
@media (max-width: 44rem) {
  .claims thead { position: absolute; clip-path: inset(50%); height: 1px; overflow: hidden; }
  .claims, .claims tbody, .claims tr, .claims td, .claims th { display: block; width: auto; }
  .claims td, .claims th[scope=row] { border: 0; padding: .15rem 0; width: auto; }
  .claims tr { border-bottom: 1px solid var(--line); padding: .6rem 0; }
  .claims td[data-name]::before { content: attr(data-name); display: block;
    color: var(--quiet); font-size: .85rem; }
  .runs th[scope=row] { width: auto; } .runs th, .runs td { padding: .3rem .3rem .3rem 0; }
}
</style>
</head>
<body>
<main>
{% macro drawing(finding) %}
{% set at = strip(finding) %}
{% if at %}
{% set told = "Band " ~ at.band ~ "; yours is " ~ finding.outcome ~ "." %}
<svg class="strip{{ ' in' if finding.outcome in ('within the band', 'identical') }}"
 role="img" aria-label="{{ told }}">
<line class="base" x1="0" x2="100%" y1="50%" y2="50%"/>
<rect class="band" x="{{ at.low }}%" width="{{ (at.high - at.low)|round(2) }}%" y="25%"
 height="50%"/>
<line class="published" x1="{{ at.published }}%" x2="{{ at.published }}%" y1="15%" y2="85%"/>
<line class="mine" x1="{{ at.mine_low }}%" x2="{{ at.mine_high }}%" y1="50%" y2="50%"/>
<circle cx="{{ at.mine }}%" cy="50%" r="4"/>
</svg>
{% endif %}
{% endmacro %}
{% macro claims(findings, label) %}
<table class="claims" role="table" aria-label="{{ label }}">
<thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Claim</th>
<th role="columnheader" scope="col">Yours</th>
<th role="columnheader" scope="col">Published</th>
<th role="columnheader" scope="col">Difference</th></tr></thead>
<tbody role="rowgroup">
{% for finding in findings %}
<tr role="row"><th role="rowheader" scope="row"><strong>{{ finding.id }}</strong>
{{ finding.claim.statement if finding.claim else "This ledger does not have it." }}</th>
{% for name, record in (("Yours", finding.mine), ("Published", finding.published)) %}
<td role="cell" data-name="{{ name }}">{{ measured(finding, record) }}
{% if record %}<span class="verdict{{ ' flipped' if finding.flipped }}">{{ record.verdict }}</span>
{% endif %}</td>
{% endfor %}
<td role="cell" data-name="Difference">
<span class="badge {{ finding.outcome|replace(' ', '-') }}">{{ finding.outcome }}</span>
{{ drawing(finding) }}
{% if finding.outcome == "within the band" %}Band {{ band(finding) }}.
{% elif finding.outcome != "identical" %}{{ finding.reason }}.{% endif %}</td></tr>
{% endfor %}
</tbody></table>
{% endmacro %}
<h1>Your run, compared</h1>
<p>Yours are {{ names[0] }}, beside {{ names[1] }}.</p>
<p class="lead">{{ whole }}.</p>
{% for sentence in closing %}<p>{{ sentence }}</p>{% endfor %}

{% if remarks %}
<ul>{% for remark in remarks %}<li>{{ remark }}</li>{% endfor %}</ul>
{% endif %}
<details><summary>What the words mean</summary>
<dl>{% for name, meaning in meanings.items() %}
<dt class="badge {{ name|replace(' ', '-') }}">{{ name }}</dt><dd>{{ meaning }}</dd>
{% endfor %}</dl>
<p>A drawn band is the range in which a rerun is to be expected, with the published value as a
stroke across it; the dot is yours, with its 95 % interval. Runs that share seeds, initial weights
and the order of the images go up and down together: the band is conservative, and fewer than one
in twenty leave it by chance.</p>
</details>
{% for view in views %}
{% set comparison = view.comparison %}
<h2 id="{{ comparison.chapter }}">{{ comparison.chapter }}</h2>
<p>{{ view.summary }}.</p>
<table class="runs"><caption hidden>Both runs of {{ comparison.chapter }}</caption>
<thead><tr><th scope="col">The runs</th><th scope="col">yours</th><th scope="col">published</th>
</tr></thead><tbody>
{% for name, one, other, differs in view.runs %}
<tr><th scope="row">{{ name }}</th><td>{{ "none" if one is none else one }}</td>
<td>{{ "none" if other is none else other }}</td></tr>
{% endfor %}
<tr><th scope="row">date</th><td>{{ comparison.mine.provenance.date }}</td>
<td>{{ comparison.published.provenance.date }}</td></tr>
<tr><th scope="row">time</th><td>{{ comparison.mine.seconds|duration }}
{% if comparison.seconds %} ({{ comparison.seconds }}){% endif %}</td>
<td>{{ comparison.published.seconds|duration }}</td></tr>
</tbody></table>
{% if comparison.times %}<p>Claims about times are ×{{ "%.3g"|format(comparison.times[0]) }} to
×{{ "%.3g"|format(comparison.times[1]) }} of the published.</p>{% endif %}

{% if view.loud %}
<h3>What differs</h3>
{{ claims(view.loud, "Claims of " ~ comparison.chapter ~ " that differ") }}
{% endif %}
{% if view.quiet %}
<details{{ " open" if everything }}><summary>{{ view.quiet|length }}
{{ "other " if view.loud }}claims, as expected</summary>
{{ claims(view.quiet, "Claims of " ~ comparison.chapter ~ " that are as expected") }}
</details>
{% endif %}
{% endfor %}
</main>
</body>
</html>
"""
