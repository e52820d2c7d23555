"""What strangers send, random circuits and random networks: a campaign against silent faults.

``python -m fuzz`` tries mutated bytes on everything that takes bytes, random circuits against
numpy and random networks against torch, in processes whose memory is limited. It prints what it
tried and what it found, and how to do that again.
"""
