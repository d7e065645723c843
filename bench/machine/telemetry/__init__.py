"""What devices did while a case was measured: NVIDIA GPUs through NVML, CPU energy through RAPL.

library, visible → reader (probes, gpm, processes), rapl → sampler → window → the record.
"""
