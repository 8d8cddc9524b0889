# Both binaries in one small image. The collector needs glibc, not older than
# the builder's, and loads the driver's library lazily at run time; no CUDA is
# in here.
ARG BUILDER=golang:1.26-bookworm
ARG BASE=gcr.io/distroless/base-debian12

FROM ${BUILDER} AS build
# Without a C compiler the collector would be built, but without NVML.
RUN command -v cc
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# Here, not above: another version must not download the modules again.
ARG VERSION=unknown
ARG REVISION=unknown
RUN make build VERSION="${VERSION}" REVISION="${REVISION}" \
    COMMANDS="./cmd/gputally-collector ./cmd/gputally-reporter"

FROM ${BASE}
COPY --from=build /src/bin/gputally-collector /src/bin/gputally-reporter /usr/local/bin/
USER 65532:65532
EXPOSE 9835 9836
ENTRYPOINT ["/usr/local/bin/gputally-reporter"]
