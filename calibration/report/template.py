"""The page's template (Jinja2, autoescaped)."""

PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Calibration of subject {{ facts.subject }}</title>
<style>
:root { --ink: #1f2a33; --muted: #5d6a75; --rule: #e3e8ec; --paper: #ffffff; --ground: #f4f6f8;
  --go: #1b7f5c; --redo: #b5482f; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.55 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 40px 24px 64px; }
header { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline;
  gap: 4px 24px; margin-bottom: 20px; }
h1 { font-size: 28px; font-weight: 650; letter-spacing: -0.01em; margin: 0; }
h2 { font-size: 19px; font-weight: 650; margin: 0 0 4px; }
p { margin: 0 0 10px; }
.muted, figcaption, header p { color: var(--muted); }
header p { margin: 0; }
section { background: var(--paper); border: 1px solid var(--rule); border-radius: 12px;
  padding: 22px 26px; margin-top: 18px; }
.verdict { border-left: 6px solid var(--go); }
.verdict.redo { border-left-color: var(--redo); }
.verdict h2 { font-size: 26px; color: var(--go); }
.verdict.redo h2 { color: var(--redo); }
.verdict ul { margin: 6px 0 0; padding-left: 20px; }
.verdict p:last-child { margin-bottom: 0; }
.keys { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 14px 28px;
  border-top: 1px solid var(--rule); margin-top: 18px; padding-top: 16px; }
.keys b { display: block; font-size: 26px; font-weight: 650; line-height: 1.25;
  font-variant-numeric: tabular-nums; }
.keys span { color: var(--muted); font-size: 14px; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(360px, 1fr)); gap: 18px; }
.pair section { margin: 0; }
.pair { margin-top: 18px; }
.loose { align-items: start; }
figure { margin: 12px 0 0; text-align: center; }
figure img { max-width: 100%; height: auto; }
figcaption { font-size: 14px; text-align: left; margin-top: 8px; }
figure + p { margin-top: 10px; }
section > p { font-size: 15px; }
.verdict > p { font-size: 16px; }
section > p:last-child { margin-bottom: 0; }
table { border-collapse: collapse; width: 100%; font-size: 14px; margin-top: 10px; }
th, td { text-align: left; vertical-align: top; padding: 6px 14px 6px 0;
  border-bottom: 1px solid var(--rule); overflow-wrap: anywhere; }
th { font-weight: 600; white-space: nowrap; }
tr:last-child th, tr:last-child td { border-bottom: 0; }
td.number { font-variant-numeric: tabular-nums; }
footer { color: var(--muted); font-size: 13px; margin-top: 22px; }
@media print { body { background: white; } main { padding: 0; max-width: none; }
  section { break-inside: avoid; } }
</style>
</head>
<body>
<main>
<header>
  <h1>Calibration of subject {{ facts.subject }}{% if facts.session %},
    session {{ facts.session }}{% endif %}</h1>
  <p>{{ facts.created[:10] }} · {{ files | join(", ") }}</p>
</header>

<section class="verdict{% if not said.go %} redo{% endif %}">
  <h2>{{ said.word }}</h2>
  {% for reason in said.reasons %}<p>{{ reason }}</p>
  {% endfor %}
  {% for line in said.advice %}<p class="muted">{{ line }}</p>
  {% endfor %}
  {% for line in remarks %}<p class="muted">{{ line }}</p>
  {% endfor %}
  <div class="keys">
    <div><b>{{ found.estimate.score | percent }}</b><span>balanced accuracy on left-out trials,
      {% if choice in found.estimates %}the head chosen again inside every fold, {% endif %}95 %
      interval {{ found.estimate.low | percent }} to
      {{ found.estimate.high | percent }}</span></div>
    <div><b>{{ fit.selection.chance | percent }}</b><span>what guessing reaches, or less, in 95 of
      100 calibrations</span></div>
    <div><b>{{ facts.trials }}</b><span>trials of {{ fit.decoder.classes | map("words")
      | join(", ") }}; {{ fit.rejected | length or "none" }} left out</span></div>
    <div><b>{{ settings.channels | length }}</b><span>electrodes,
      {{ bad | length or "none" }} bad</span></div>
  </div>
</section>

{% macro picture(name, caption) %}
<figure><img src="{{ pictures[name] }}" alt="{{ caption }}">
<figcaption>{{ caption }}</figcaption></figure>
{% endmacro %}

<div class="pair">
<section>
  <h2>Candidates</h2>
  {{ picture("candidates", "Balanced accuracy of every candidate on trials left out of its fit, \
with its 95 % interval; grey is what guessing reaches, the dashed line its average, and the "
    ~ "decoder uses the head in bold, " ~ facts.head ~ ".") }}
  {% if worth %}<p>{{ worth }}</p>{% endif %}
</section>
<section>
  <h2>Right and wrong</h2>
  {{ picture("confusion", "What was decided (columns) when each class was asked for (rows), on \
left-out trials: right decisions lie on the diagonal.") }}
</section>
</div>

<section>
  <h2>Was more calibration worth it?</h2>
  {% if "curve" in pictures %}
  {{ picture("curve", "What the head " ~ found.curve_head ~ " reaches on left-out trials when it \
learns from the first trials alone, with 95 % intervals: a line that still rises on the right asks \
for more trials.") }}
  {% else %}<p class="muted">There are too few trials for a learning curve.</p>{% endif %}
</section>

<section>
  <h2>Rhythms after the cue</h2>
  {% if "maps" in pictures %}
  {{ picture("maps", "Change of mu and beta power from 0.5 s after the cue on, against the seconds \
before it: blue is a drop (desynchronisation), which imagining a hand brings above all on the \
opposite side.") }}
  {% elif found.rhythms %}<p class="muted">Maps need at least {{ maps_from }} electrodes.</p>
  {% endif %}
  {% if "courses" in pictures %}
  {{ picture("courses", "Change of power over time, mean and standard error over trials; the \
cue comes at 0, and grey is the stretch that power is compared with.") }}
  {% else %}<p class="muted">No class has trials with two seconds of signal before the cue to
  compare with.</p>{% endif %}
</section>

<section>
  <h2>Where the decoder's output comes from</h2>
  {% if "patterns" in pictures %}
  {{ picture("patterns", "Sources whose 8–30 Hz power moves with the decoder's output, as they \
show on the scalp (Haufe patterns; the sign of a map is arbitrary): over the motor cortex \
is good news, at the rim it is likely to be muscle or the eyes.") }}
  {% else %}<p class="muted">Maps need at least {{ maps_from }} electrodes.</p>{% endif %}
</section>

<div class="pair loose">
<section>
  <h2>Electrodes</h2>
  {% if "quality" in pictures %}
  {{ picture("quality", "Every electrode: the fuller its blue, the larger the share of trials in \
which it was good; red ones were bad in at least half of them.") }}
  {% endif %}
  <p class="muted">
  {% if bad %}{% for name, what in bad.items() %}{{ name }} {{ what }}{{ ", " if not loop.last }}
  {%- endfor %}.{% else %}No electrode was flat, railed or noisy in half of the trials.{% endif %}
  {% if humming %}Line noise above 1 Hz dominates at {{ humming | length }} electrodes; the
  decoder's filter takes most of it out.{% endif %}</p>
</section>
<section>
  <h2>Trials left out</h2>
  {% if fit.rejected %}
  <table>
  <tr><th>Trial</th><th>Class</th><th>Where</th><th>Reason</th></tr>
  {% for one in fit.rejected %}
  <tr><td class="number">{{ one.trial.number }}</td><td>{{ one.trial.label | words }}</td>
  <td>{{ files[one.trial.recording] }}, {{ "%.1f" | format(one.trial.onset) }} s</td>
  <td>{{ one.reason }}</td></tr>
  {% endfor %}
  </table>
  {% else %}<p class="muted">None: no channel went flat, no amplitude stood out, and no samples
  were missing.</p>{% endif %}
</section>
</div>

{% if "timing" in pictures %}
<section>
  <h2>Timing of the cues</h2>
  {{ picture("timing", "How the measured times spread over the cues; the line is the median.") }}
</section>
{% endif %}

<section>
  <h2>The decoder</h2>
  <table>
  {% for name, value in facts_table %}<tr><th>{{ name }}</th><td>{{ value }}</td></tr>
  {% endfor %}
  </table>
</section>

<footer>Scores come from nested cross-validation over whole trials: whatever learns, learns from
the training part alone. The decoder itself is fitted on all trials that were not left out.</footer>
<script type="application/json" id="numbers">{{ numbers | safe }}</script>
</main>
</body>
</html>
"""
