"""gunicorn's configuration, the same beside the embedded database and in a container."""

import os

from config import environment as env
from config.logging import logging_settings

bind = f"{env.text('HOST', '127.0.0.1')}:{env.number('PORT', 8000, at_least=1)}"
workers = env.number("WEB_WORKERS", 2, at_least=1)
wsgi_app = "config.wsgi:application"
timeout = 60
graceful_timeout = 25
max_requests = 5000
max_requests_jitter = 500
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None
control_socket_disable = True
# One line for each request is written by config.request_id, with its number and without the query.
accesslog = None
_log = logging_settings(env.text("LOG_LEVEL", "INFO").upper())
logconfig_dict = _log | {"loggers": {"gunicorn.error": {"level": "INFO", "handlers": ["lines"], "propagate": False}}}
