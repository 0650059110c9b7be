module turnbridge/jaeger

go 1.26

require github.com/jaegertracing/jaeger v1.62.0

tool github.com/jaegertracing/jaeger/cmd/all-in-one
