"""CrossLabel's core for 3D Slicer: no Qt anywhere, and MRML in ``scene`` alone.

Written for the oldest Python that Slicer 5 embeds, 3.9, with nothing but the standard library, numpy and requests.
"""
