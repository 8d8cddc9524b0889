# Both binaries in one small image. The collector needs glibc and loads the
# driver's library lazily at run time; no CUDA is in here.
ARG BUILDER=golang:1.26-bookworm
ARG BASE=gcr.io/distroless/base-debian12

FROM ${BUILDER} AS build
ARG VERSION=unknown
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN make build VERSION=${VERSION}

FROM ${BASE}
COPY --from=build /src/bin/gputally-collector /src/bin/gputally-reporter /usr/local/bin/
USER 65532:65532
EXPOSE 9835 9836
ENTRYPOINT ["/usr/local/bin/gputally-reporter"]
