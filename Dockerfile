FROM python:3.11-slim-bookworm AS packages
COPY requirements.lock /build/
RUN python -m venv /opt/portal/venv \
    && /opt/portal/venv/bin/pip install --no-cache-dir --no-deps --require-hashes -r /build/requirements.lock

FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 portal \
    && useradd --uid 10001 --gid portal --no-create-home --shell /usr/sbin/nologin portal \
    && install -d -o portal -g portal -m 0750 /var/lib/portal /var/lib/portal/backups
COPY --from=packages /opt/portal/venv /opt/portal/venv
WORKDIR /opt/portal/app
COPY manage.py ./
COPY accounts accounts
COPY assessments assessments
COPY branches branches
COPY cadres cadres
COPY collective_economy collective_economy
COPY config config
COPY imports imports
COPY locale locale
COPY static static
COPY templates templates
ENV PATH=/opt/portal/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    PORTAL_VAR_DIR=/var/lib/portal STATIC_DIR=/opt/portal/static
# The catalogue and the static files belong to the image; the keys made on the way are thrown away.
RUN PORTAL_VAR_DIR=/tmp/build python manage.py messages \
    && PORTAL_VAR_DIR=/tmp/build python manage.py collectstatic --no-input --verbosity 0 \
    && rm -rf /tmp/build
USER portal
EXPOSE 8000
CMD ["gunicorn", "-c", "python:config.web"]
