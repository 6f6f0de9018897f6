"""Celery: the muscle. Tasks carry ids; PostgreSQL remembers; a flushed Redis loses nothing."""

import os

from celery import Celery
from celery.schedules import crontab
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class _Celery(Celery):
    """Starts the embedded Redis before its first connection to the broker."""

    def connection_for_read(self, *args, **kwargs):
        self._ensure()
        return super().connection_for_read(*args, **kwargs)

    def connection_for_write(self, *args, **kwargs):
        self._ensure()
        return super().connection_for_write(*args, **kwargs)

    @staticmethod
    def _ensure():
        if settings.EMBEDDED_REDIS:
            settings.EMBEDDED_REDIS.ensure()


app = _Celery("regulars")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.set_default()
app.autodiscover_tasks()

# Every due thing is a row in PostgreSQL; these ticks only make the workers look. A lost or doubled tick is harmless.
# What is done once a day has an hour, not an interval: a beat that is started anew every morning would never come to it.
app.conf.task_routes = {
    "delivery.tasks.*": {"queue": "delivery"},
    "campaigns.tasks.run_journeys": {"queue": "journeys"},
    "campaigns.tasks.*": {"queue": "campaigns"},
}
app.conf.task_default_queue = "default"
app.conf.beat_schedule = {
    "care-feelings": {"task": "care.tasks.read_feelings", "schedule": 60.0},
    "portal-answers": {"task": "portal.tasks.answer_cases", "schedule": 60.0},
    "care-escalate": {"task": "care.tasks.escalate", "schedule": 60.0},
    "insights-stages": {"task": "insights.tasks.refresh_lifecycle", "schedule": 6 * 3600.0},
    "insights-scores": {"task": "insights.tasks.refresh_scores", "schedule": crontab(hour=4, minute=10)},
    "recommender-lists": {"task": "recommender.tasks.keep_fresh", "schedule": 600.0},
    "recommender-warm": {"task": "recommender.tasks.train_warm", "schedule": crontab(hour=2, minute=30)},
    "recommender-cold": {
        "task": "recommender.tasks.train_cold",
        "schedule": crontab(hour=1, minute=30, day_of_week="sun"),
    },
    "recommender-policies": {
        "task": "recommender.tasks.judge_policies",
        "schedule": crontab(hour=5, minute=40, day_of_week="mon"),
    },
    "emails-links": {"task": "emails.tasks.check_links", "schedule": 30.0},
    "cms-publish": {"task": "cms.tasks.publish_due", "schedule": 60.0},
    "campaigns-due": {"task": "campaigns.tasks.run_due", "schedule": 5.0},
    "campaigns-replies": {"task": "campaigns.tasks.send_replies", "schedule": 60.0},
    "campaigns-notices": {"task": "campaigns.tasks.tell_members", "schedule": 30.0},
    "campaigns-shown": {"task": "campaigns.tasks.note_offers_shown", "schedule": 120.0},
    "campaigns-shown-all": {
        "task": "campaigns.tasks.note_offers_shown",
        "schedule": crontab(hour=5, minute=20),
        "kwargs": {"is_thorough": True},
    },
    "campaigns-actions": {"task": "campaigns.tasks.look_for_actions", "schedule": crontab(hour=0, minute=10)},
    "campaigns-surveys": {"task": "campaigns.tasks.ask_surveys", "schedule": 60.0},
    "campaigns-warnings": {"task": "campaigns.tasks.watch_over_members", "schedule": 6 * 3600.0},
    "campaigns-audiences": {"task": "campaigns.tasks.refresh_audiences", "schedule": 2.0},
    "campaigns-experiments": {"task": "campaigns.tasks.keep_experiments", "schedule": 300.0},
    "campaigns-journeys": {"task": "campaigns.tasks.run_journeys", "schedule": 2.0, "options": {"expires": 10}},
    "campaigns-entries": {"task": "campaigns.tasks.enter_journeys", "schedule": 30.0},
    "api-journey-calls": {"task": "api.tasks.deliver_journey_calls", "schedule": 5.0},
    "reports-digests": {"task": "reports.tasks.send_digests", "schedule": 600.0},
    "reports-readings": {"task": "reports.tasks.refresh_readings", "schedule": 60.0, "options": {"expires": 50}},
    "reports-editions": {"task": "reports.tasks.keep_editions", "schedule": 600.0},
    "delivery-look": {"task": "delivery.tasks.look", "schedule": 2.0, "options": {"expires": 2}},
    "delivery-sweep": {"task": "delivery.tasks.sweep", "schedule": 10.0},
    "delivery-watch": {"task": "delivery.tasks.watch", "schedule": 60.0},
    "delivery-domains": {"task": "delivery.tasks.look_up_domains", "schedule": 900.0},
    "delivery-search": {"task": "delivery.tasks.sweep", "schedule": 3600.0, "kwargs": {"is_thorough": True}},
    "members-erase": {"task": "members.tasks.finish_erasures", "schedule": 60.0},
    "members-duplicates": {"task": "members.tasks.find_duplicates", "schedule": crontab(hour=3, minute=20)},
    "loyalty-trials": {"task": "loyalty.tasks.assign_trials", "schedule": 60.0},
    "loyalty-expire": {"task": "loyalty.tasks.expire_points", "schedule": 3600.0},
    "loyalty-verify": {"task": "loyalty.tasks.verify_sample", "schedule": 3600.0},
    "loyalty-occasions": {"task": "loyalty.tasks.grant_occasions", "schedule": 1800.0},
    "loyalty-memberships": {"task": "loyalty.tasks.refresh_memberships", "schedule": 3600.0},
    "api-webhooks": {"task": "api.tasks.deliver_webhooks", "schedule": 5.0},
    "api-refused-orders": {"task": "api.tasks.tidy_refused_orders", "schedule": 900.0},
    "loyalty-screen": {"task": "loyalty.tasks.screen", "schedule": 20.0},
    "loyalty-seal": {"task": "loyalty.tasks.seal_days", "schedule": 3600.0},
}
