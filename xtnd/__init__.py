"""XTND Backend: a back office for merchants with several online stores."""
