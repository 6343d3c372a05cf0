"""The Celery application: it carries the work and forgets it. What is true about a job stands in `backoffice.jobs`.

A worker: celery -A backoffice.celery worker --queues imports,default --without-gossip --without-mingle
"""

import os

from celery import Celery
from celery.signals import setup_logging
from kombu import Exchange
from kombu import Queue as Line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")

from django.conf import settings

QUEUES = ("imports", "pulls", "pushes", "default")

app = Celery("backoffice")
app.conf.update(
    broker_url=settings.BROKER_URL or "redis://127.0.0.1:6379/0",
    broker_transport_options={
        # Twelve hours: a lower one runs healthy long jobs twice. The dispatcher finds lost ones by their lease.
        "visibility_timeout": 12 * 3600,
        "socket_connect_timeout": 5,
        "socket_timeout": 30,
        "socket_keepalive": True,
        "health_check_interval": 10,
    },
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    result_backend=None,
    task_ignore_result=True,
    task_acks_late=True,
    task_serializer="json",
    accept_content=["json"],
    task_queues=[Line(name, Exchange(name, type="direct"), routing_key=name) for name in QUEUES],
    task_default_queue="default",
    worker_prefetch_multiplier=1,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    worker_max_tasks_per_child=settings.WORKER_MAX_JOBS,
    worker_max_memory_per_child=settings.WORKER_MAX_MEMORY_KIB,
    # Celery would open a connection to PostgreSQL for every task; a stale one is noticed by `jobs.running`.
    CELERY_DB_REUSE_MAX=1000,
    timezone="UTC",
    enable_utc=True,
)
app.autodiscover_tasks()


def keep_our_logging(**_: object) -> None:
    """With a receiver, Celery leaves logging as the settings made it."""


setup_logging.connect(keep_our_logging)
