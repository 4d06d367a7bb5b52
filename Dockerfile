FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    CROSSLABEL_MODELS=/models

# A dependency of MONAI Label compiles an optional GPU kernel unless told not to; nothing here uses it.
ENV SAM2_BUILD_CUDA=0

WORKDIR /opt/crosslabel
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY lib lib
COPY apps apps
COPY sample_data sample_data
# The default wheels of torch bring their CUDA libraries: the host needs a driver and the NVIDIA container toolkit only.
RUN pip install -c constraints.txt .

RUN useradd --uid 1000 --create-home crosslabel \
    && mkdir -p /studies /models \
    && chown crosslabel:crosslabel /studies /models
USER crosslabel
WORKDIR /home/crosslabel
VOLUME ["/studies", "/models"]
EXPOSE 8000

HEALTHCHECK --interval=30s --timeout=10s --start-period=90s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=8)"]

# Every address of a container reaches beyond it, so a token is asked for; TLS is the host's or a proxy's.
CMD ["crosslabel", "serve", "--studies", "/studies", "--host", "0.0.0.0", "--port", "8000", "--insecure", "--require-token"]
