"""The MONAI Label app and its server: adapters to MONAI Label's interfaces, and own routes.

The only package that imports ``monailabel``; importing this module alone does not.
"""
