{
  "targets": [
    {
      "target_name": "sluice",
      "sources": ["<!@(ls core/*.c binding/*.c)"],
      "defines": ["_GNU_SOURCE", "NAPI_VERSION=9"],
      "cflags_c": ["-std=c11", "-O2", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wconversion"]
    }
  ]
}
