"""Who is who over time: filters of position and heading, assignment, ids, several cameras."""
