"""Where the time of a step goes: what the report shows of profiles."""

from anatomy.reports.profiles.profile_section import ProfiledCase, ProfileSection, profile_section

__all__ = ["ProfileSection", "ProfiledCase", "profile_section"]
