# api speaks HTTP: sidecars see requests instead of bytes.
Kind     = "service-defaults"
Name     = "api"
Protocol = "http"
