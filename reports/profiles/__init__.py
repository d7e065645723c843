"""The report's section on profiles: where the time of a step goes."""

from anatomy.reports.profiles.profile_section import profile_section

__all__ = ["profile_section"]
