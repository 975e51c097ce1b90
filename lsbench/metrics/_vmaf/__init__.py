"""How VMAF is computed."""
