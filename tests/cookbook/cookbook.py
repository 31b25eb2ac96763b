"""How long the questions of docs/analysts.md take, asked as an analyst asks them: by psql, as the role vod_analyst.

    cookbook.py URL [--times N] [--write]

URL is that of a database that is large enough to mean something; its user is replaced by vod_analyst. Each question is asked
once to warm up, then N times (7). A question that reads roll-ups only has to take less than 50 ms, any other less than 2 s: the
worst of the N counts. Exits 1 if one does not. `--write` writes times and results into docs/analysts*.md, and the plans into
docs/analysts-explain.md.

A day of the questions is as of the newest upload there, not as of today, since a measured database grows old.
"""

import argparse
import pathlib
import re
import statistics
import subprocess
import sys

DOCS = pathlib.Path(__file__).parents[2] / "docs"
PAGES = {"analysts.md": ("Of a roll-up", "Of rows", ": "), "analysts.zh-CN.md": ("读汇总", "读明细", "：")}
EXPLAINED = "analysts-explain.md"
ROLL_UPS = {"uploads_daily", "ticket_funnel_daily", "callback_delay_daily", "delivery_health_hourly", "settings"}
BAR_MS = {True: 50.0, False: 2000.0}
QUESTION = re.compile(r"### (\d+)\. ([^\n]*)\n\n```sql\n(.*?)\n```\n\n```text\n(.*?)\n```\n\n([^\n]*)\n", re.S)
# A ticket of the text, in place of which one is asked for that is there.
A_TICKET = "vt_01H455VB4PEX5VSKNK084SN02Q"


class Database:
    def __init__(self, url):
        self.url = re.sub(r"//[^@/]*@", "//vod_analyst@", url)

    def psql(self, text, *options):
        run = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *options, self.url]
        done = subprocess.run(run, input=text, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{text}\n{done.stderr}")
        return done.stdout

    def value(self, sql):
        return self.psql(sql, "-A", "-t").strip()


class Question:
    def __init__(self, number, title, sql, now):
        self.number, self.title = number, title
        self.of_roll_ups = set(re.findall(r"analyst\.(\w+)", sql)) <= ROLL_UPS
        for said, meant in now.items():
            sql = sql.replace(said, meant)
        self.sql = sql

    def ask(self, database, times):
        timed = database.psql("\\timing on\n\\o /dev/null\n" + (self.sql + "\n") * (times + 1))
        each = [float(ms) for ms in re.findall(r"^Time: ([\d.]+) ms", timed, re.M)]
        assert len(each) == times + 1, timed
        self.median, self.worst = statistics.median(each[1:]), max(each[1:])

    @property
    def bar(self):
        return BAR_MS[self.of_roll_ups]

    def result(self, database):
        head, line, *rows = database.psql(self.sql, "-P", "footer=off").rstrip("\n").split("\n")
        more = [f"... {len(rows)} rows"] if len(rows) > 5 else []
        return "\n".join(cut(row) for row in [head, line, *rows[:5], *more])

    def plan(self, database):
        text = database.psql(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, BUFFERS) {self.sql}", "-A", "-t")
        return "\n".join(cut(line) for line in executed(text.rstrip("\n").split("\n")))


MONTH = re.compile(r" on ((?:signature_issues|deliveries)_(?:\d{4}_\d\d|default)) ")


def executed(lines):
    """A plan without the months that were passed over, one in place of those that are alike, and the sum of the buffers."""
    passed, month, first = None, None, True
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if line == "Planning:":
            return
        if passed is not None and indent > passed:
            continue
        passed = None
        if month is not None and indent < month:
            month = None
        if "(never executed)" in line:
            passed = indent
        elif MONTH.search(line) and month == indent:
            passed = indent
            if alike:
                yield " " * indent + "... and the other months"
            alike = False
        elif "Buffers:" not in line or first:
            if MONTH.search(line):
                month, alike = indent, True
            first = first and "Buffers:" not in line
            yield line


def cut(line):
    return line.rstrip() if len(line) <= 140 else line[:137] + "..."


def ms(figure):
    return f"{figure:.1f} ms" if figure < 10 else f"{figure:,.0f} ms"


def written(page, questions, database):
    roll_up, rows, colon = PAGES[page]
    by_number = {question.number: question for question in questions}

    def one(found):
        question = by_number[found[1]]
        # What a person wrote after the times stays.
        note = re.sub(r"^[^.。]*[:：] ?[\d.,]+ m?s[^.。]*[.。] ?", "", found[5])
        kind = roll_up if question.of_roll_ups else rows
        stop = "." if colon == ": " else "。"
        said = f"{kind}{colon}{ms(question.median)}{stop}"
        note = f" {note}" if note and stop == "." else note
        at = found.start()
        return (found[0][: found.start(4) - at] + question.result(database) + found[0][found.end(4) - at : found.start(5) - at]
                + said + note + found[0][found.end(5) - at :])

    return QUESTION.sub(one, (DOCS / page).read_text())


def table(questions):
    yield "| | | reads | median | worst | bar |"
    yield "| ---: | --- | --- | ---: | ---: | ---: |"
    for question in questions:
        kind = "roll-up" if question.of_roll_ups else "rows"
        figures = f"{ms(question.median)} | {ms(question.worst)} | {ms(question.bar)}"
        yield f"| {question.number} | {question.title} | {kind} | {figures} |"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    database = Database(asked.url)
    day = database.value("SELECT max(day) FROM analyst.uploads_daily WHERE uploads > 0")
    at = database.value("SELECT max(recorded_at) FROM analyst.uploads")
    ticket = database.value(f"SELECT ticket FROM analyst.upload_timeline WHERE day = '{day}' AND ticket IS NOT NULL LIMIT 1")
    # The busiest of the day.
    user = database.value(
        f"SELECT user_id FROM analyst.user_activity_daily WHERE day = '{day}' ORDER BY uploads DESC, user_id LIMIT 1")
    now = {"user 42": user.replace("'", "''"), "current_date": f"DATE '{day}'", "now()": f"TIMESTAMPTZ '{at}'", A_TICKET: ticket}
    page = (DOCS / "analysts.md").read_text()
    questions = [Question(number, title, sql, now) for number, title, sql, *_ in QUESTION.findall(page)]
    if len(questions) != page.count("```sql"):
        sys.exit("a question of docs/analysts.md is not written like the others")
    for question in questions:
        question.ask(database, asked.times)
        missed = "   ABOVE THE BAR" if question.worst >= question.bar else ""
        kind = "roll-up" if question.of_roll_ups else "rows"
        print(f"{question.number:>3} {kind:<8} median {ms(question.median):>9}, worst {ms(question.worst):>9}, "
              f"bar {ms(question.bar):>8}  {question.title}{missed}", flush=True)
    if asked.write:
        for name in PAGES:
            (DOCS / name).write_text(written(name, questions, database))
        explained = DOCS / EXPLAINED
        head = explained.read_text().split("<!-- measured -->")[0]
        parts = [f"## {q.number}. {q.title}\n\n```text\n{q.plan(database)}\n```\n" for q in questions]
        explained.write_text(head + "<!-- measured -->\n\n" + "\n".join([*table(questions), "", *parts]))
    return any(question.worst >= question.bar for question in questions)


if __name__ == "__main__":
    sys.exit(main())
