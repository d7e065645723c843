"""What the devices did while a case was measured: NVIDIA GPUs through NVML, CPU energy through RAPL.

`device_sampler` reads (`gpu_reader`, `rapl`), `telemetry_window` reduces the readings to figures of the window,
`record_fields` turns these into fields of the record.
"""
