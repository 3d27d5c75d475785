"""One import by the product itself, into a fresh data directory: the runner, as the worker calls it.

`python -m bench.ours URL [again]`: prints a JSON line with what the run counted and what it cost.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time


def main() -> None:
    url = sys.argv[1]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "xtnd.settings")
    import django

    django.setup()
    from django.core.management import call_command

    from xtnd.companies.models import Company, CompanyGroup
    from xtnd.connections.models import Connection
    from xtnd.connections.services import seal
    from xtnd.sync.models import Run, Trigger
    from xtnd.sync.runner import execute
    from xtnd.sync.services import ensure_schedules, forget_cursor, queue_run

    call_command("migrate", verbosity=0)
    group = CompanyGroup.objects.create(name="Bench")
    Company.objects.create(group=group, name="Bench")
    connection = Connection.objects.create(
        company_group=group,
        name="Bench",
        system="woocommerce",
        api_url=url,
        credentials=seal({"access_token": "ck_" + "be" * 20, "secret": "cs_" + "ac" * 20}),
        options={"base": f"{url}/wp-json", "style": "pretty", "auth": "oauth", "home": url},
    )
    schedule = next(one for one in ensure_schedules(connection) if one.entity == "orders")
    figures = {}
    for name in ("import", "unchanged", "poll"):
        run = queue_run(schedule, Trigger.MANUAL)
        started, cpu = time.perf_counter(), time.process_time()
        execute(run.pk, worker="bench")
        run = Run.objects.get(pk=run.pk)
        figures[name] = {
            "state": run.state,
            "seconds": round(time.perf_counter() - started, 3),
            "cpu": round(time.process_time() - cpu, 3),
            "seen": run.seen,
            "created": run.created,
            "unchanged": run.unchanged,
            "requests": run.requests,
        }
        if name == "import":
            forget_cursor(schedule)
    figures["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
